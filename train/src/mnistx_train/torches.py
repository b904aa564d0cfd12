"""Imports torchvision, and explains in one line a torch and a torchvision that don't fit each other."""

from importlib.metadata import version
from importlib.util import find_spec
from types import ModuleType

from mnistx_train.errors import TrainError


def torchvision() -> ModuleType:
    """The torchvision package.

    Raises:
        TrainError: it fails beside the installed torch, as a CPU-only torch does with the registry's torchvision
            ("operator torchvision::nms does not exist").
    """
    if not find_spec("torchvision"):
        raise TrainError("torchvision is missing: pip install torch torchvision")
    try:
        import torchvision
    except (RuntimeError, ImportError, AttributeError, OSError) as error:
        raise TrainError(
            f"torch {version('torch')} and torchvision {version('torchvision')} don't fit each other ({error}); "
            "install both from the same place in one command: pip install --force-reinstall torch torchvision"
        ) from error
    module: ModuleType = torchvision
    return module
