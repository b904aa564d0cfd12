"""The runtimes that can carry a model: one table, and the protocol that each one's file fulfils."""

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mnistx_runtime.errors import ArtifactError, BackendUnavailable
from mnistx_runtime.registry import look_up

BACKENDS = {
    "ort": "mnistx_runtime.backends.ort:Ort",
    "torchscript": "mnistx_runtime.backends.torchscript:TorchScript",
    "pt2": "mnistx_runtime.backends.pt2:Pt2",
    "openvino": "mnistx_runtime.backends.openvino:OpenVino",
    "litert": "mnistx_runtime.backends.litert:LiteRt",
    "executorch": "mnistx_runtime.backends.executorch:ExecuTorch",
    "ncnn": "mnistx_runtime.backends.ncnn:Ncnn",
    "torch": "mnistx_runtime.backends.checkpoint:Checkpoint",
}

SUFFIXES = {
    ".onnx": "ort",
    ".ort": "ort",
    ".torchscript": "torchscript",
    ".pt2": "pt2",
    ".xml": "openvino",
    ".tflite": "litert",
    ".pte": "executorch",
    ".param": "ncnn",
    ".safetensors": "torch",
}
"""Which runtime a file's ending asks for."""

_VARIANTS = ("-int8", "-fp16")
"""What ends the name of a file of reduced precision."""


class Session(Protocol):
    """A loaded model. It knows pixels and log-probabilities; digits and labels are the predictor's."""

    @property
    def props(self) -> Mapping[str, str]:
        """The string properties that travel inside the artifact."""

    def run(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Log-probabilities `(N, classes)` of images `(N, 1, 28, 28)`, 0..255, bright ink on black."""


class Backend(Protocol):
    """One way to run a model."""

    def check(self) -> str | None:
        """Why it can't run here, with the line that installs what is missing; None if it can. Imports nothing heavy."""

    def load(self, model: Any, threads: int) -> Session:
        """Load a model.

        Args:
            model: a path, or a loaded model of the runtime's own kind where the backend says so.
            threads: the most threads it may compute with.

        Raises:
            ArtifactError: the file is missing, damaged or made for another interface.
        """


def backend(name: str) -> Backend:
    """The runtime of that name, ready to load models.

    Raises:
        BadInput: no runtime has this name.
        BackendUnavailable: it can't run here.
    """
    found: Backend = look_up(BACKENDS, name, "runtime")()
    reason = found.check()
    if reason:
        raise BackendUnavailable(f"runtime {name!r} can't run here: {reason}")
    return found


def runtime_of(path: Path) -> str:
    """The runtime that a file's ending asks for.

    Raises:
        ArtifactError: no runtime reads files with this ending.

    >>> runtime_of(Path("mnist-cnn.onnx"))
    'ort'
    """
    if path.suffix not in SUFFIXES:
        raise ArtifactError(f"{path}: no runtime reads '{path.suffix}' files; known endings: {', '.join(SUFFIXES)}")
    return SUFFIXES[path.suffix]


def format_of(path: Path) -> str:
    """The format that `mnistx export` gives a file of this name in.

    Raises:
        ArtifactError: no runtime reads files with this ending.

    >>> format_of(Path("mnist-cnn-int8.onnx")), format_of(Path("mnist-cnn.ncnn.param"))
    ('onnx-int8', 'ncnn')
    """
    runtime = runtime_of(path)
    variant = next((variant for variant in _VARIANTS if path.stem.endswith(variant)), "")
    return ("onnx" if path.suffix == ".onnx" else runtime) + variant


def existing_file(model: Any, name: str) -> Path:
    """The model's path, if it is a file that this runtime reads.

    Raises:
        ArtifactError: no such file, an empty one, or one that asks for another runtime.
    """
    path = Path(model)
    if not path.is_file():
        raise ArtifactError(f"{path}: no such model file")
    if runtime_of(path) != name:
        other = runtime_of(path)
        raise ArtifactError(f"{path} is not for runtime {name!r}; use --runtime {other} (runtime={other!r})")
    if not path.stat().st_size:
        raise ArtifactError(f"{path} is empty")
    return path


def missing(extra: str, *packages: str) -> str | None:
    """The line that installs the first of these packages that isn't there; None if all are. None is imported.

    Args:
        extra: of mnistx-runtime, which brings them.
        packages: as they are imported.

    >>> missing("openvino", "numpy") is None
    True
    >>> missing("ncnn", "no_such_package")
    "no_such_package is missing: pip install 'mnistx-runtime[ncnn]'"
    """
    absent = next((package for package in packages if not find_spec(package)), None)
    return f"{absent} is missing: pip install 'mnistx-runtime[{extra}]'" if absent else None


def in_chunks(
    run: Callable[[NDArray[np.uint8]], NDArray[np.float32]], images: NDArray[np.uint8], size: int
) -> NDArray[np.float32]:
    """The answers to many images, `size` at a time: some runtimes bound the batch, and memory stays bounded with it."""
    if len(images) <= size:
        return run(images)
    return np.concatenate([run(images[at : at + size]) for at in range(0, len(images), size)])
