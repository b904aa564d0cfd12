"""A network in a user's own Python file, named FILE.py:FACTORY.

The file is code, and code that is named by a checkpoint is never run for that: only a file that the caller names is.
A checkpoint holds the sha256 of the file that its network is of, and its weights are loaded into no other. So that they
can be, the file must stand alone: it imports installed packages, but no files beside it.
"""

import copy
import hashlib
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from mnistx_runtime.input_spec import InputSpec
from mnistx_runtime.system.plain_file import require_plain
from mnistx_train.datasets.base import format_shape
from mnistx_train.errors import TrainError, first_line
from mnistx_train.evaluation.inference import LOG_PROBABILITIES, LOGITS, SUM_ATOL, evaluation_mode

_MOST_BYTES = 1 << 24
_PROBES = 4  # images


@dataclass(frozen=True)
class NetworkFile:
    """A factory in a Python file.

    Args:
        path: of the file.
        factory: the name of a function or class in it that gives a module: called with the number of classes, and with
            the `InputSpec` as well if it has a parameter called `spec`, or a second one without a default.
        source: the file's bytes, which are what is run, whatever the file holds later.
    """

    path: Path
    factory: str
    source: bytes = field(repr=False)

    @property
    def name(self) -> str:
        """As cards and run.json keep it: without the folder."""
        return f"{self.path.name}:{self.factory}"

    @property
    def sha256(self) -> str:
        """Of the source."""
        return hashlib.sha256(self.source).hexdigest()

    def build(self, classes: int, spec: InputSpec) -> nn.Module:
        """Run the file, and call the factory.

        Args:
            classes: how many columns of answers there must be.
            spec: of the images.

        Raises:
            TrainError: the file or the factory fails, or gives something else than a module.
        """
        factory = getattr(self._run(), self.factory, None)
        if not callable(factory):
            raise TrainError(f"{self.path} has no function or class {self.factory!r}")
        with self._explain(f"{self.factory} of {self.path} failed"):
            module = _call(factory, classes, spec)
        if not isinstance(module, nn.Module):
            raise TrainError(f"{self.factory} of {self.path} gives {_kind(module)}, not a torch.nn.Module")
        return module

    def _run(self) -> ModuleType:
        module = ModuleType(f"mnistx_network_{self.sha256[:16]}")
        module.__file__ = str(self.path)
        sys.modules[module.__name__] = module  # where dataclasses and torch look up the names in its annotations
        with self._explain(f"{self.path} can't be run"):
            exec(compile(self.source, str(self.path), "exec"), module.__dict__)
        return module

    @contextmanager
    def _explain(self, what: str) -> Iterator[None]:
        """Errors of the user's code as one line, with the line of the file."""
        try:
            yield
        except (Exception, SystemExit) as error:
            if isinstance(error, SyntaxError):
                lines = [error.lineno]
            else:
                frames = traceback.extract_tb(error.__traceback__)
                lines = [frame.lineno for frame in frames if frame.filename == str(self.path)]
            at = f" (line {lines[-1]})" if lines else ""
            raise TrainError(f"{what}: {type(error).__name__}: {first_line(error)}{at}") from error


def is_network_file(network: str) -> bool:
    """Whether a network is named by its file, and not one of mnistx's own.

    >>> [is_network_file(name) for name in ("report", "net.py:build", "net.py")]
    [False, True, True]
    """
    return ":" in network or network.endswith(".py")


def read_network_file(named: str, folder: Path = Path()) -> NetworkFile:
    """Read, and don't run, the file of a network.

    Args:
        named: FILE.py:FACTORY.
        folder: that a relative FILE is in.

    Raises:
        TrainError: there's no such file, or no factory is named.
    """
    file, _, factory = named.rpartition(":")
    if not file.endswith(".py") or not factory.isidentifier():
        raise TrainError(f"{named!r} names no network; write FILE.py:FACTORY, such as net.py:build")
    path = folder / file
    try:
        with require_plain(path).open("rb") as opened:
            source = opened.read(_MOST_BYTES + 1)
    except OSError as error:
        raise TrainError(f"{path}: {error.strerror}") from error
    if len(source) > _MOST_BYTES:
        raise TrainError(f"{path} has more than {_MOST_BYTES >> 20} MiB, no file of Python code")
    return NetworkFile(path, factory, source)


def build_network(folder: Path, named: str, spec: InputSpec, classes: int) -> nn.Module:
    """A network from a file that may import others beside it, as `python FILE.py` lets it.

    Args:
        folder: that FILE is in.
        named: FILE.py:FACTORY.
        spec: of the images.
        classes: how many columns of answers there must be.

    Raises:
        TrainError: see `read_network_file` and `NetworkFile.build`.
    """
    file = read_network_file(named, folder)
    beside = str(file.path.resolve().parent)
    sys.path.insert(0, beside)
    try:
        return file.build(classes, spec)
    finally:
        sys.path.remove(beside)


def check_network(module: nn.Module, classes: int, spec: InputSpec, last_batch: int = _PROBES) -> str:
    """Ask a fresh module for answers to a few images, and let it learn from them once, before hours go into it.

    Whether it gives log-probabilities is seen from the answers: each row's exponentials sum to 1, and go on doing so
    when every weight is changed, as those of logits do by accident at most.

    Args:
        module: from normalized images `(N, channels, height, width)`; its layers that wait for a first image get it.
        classes: how many columns of answers there must be.
        spec: of the images.
        last_batch: how many images the smallest batch has that it is to learn from.

    Returns:
        "logits" or "log-probabilities".

    Raises:
        TrainError: it can't take such images, gives something else, or has nothing to learn.

    >>> spec = InputSpec(channels=1, height=8, width=8, mean=(0.5,), std=(0.5,))
    >>> check_network(nn.Sequential(nn.Flatten(), nn.Linear(64, 3)), 3, spec)
    'logits'
    >>> check_network(nn.Sequential(nn.Flatten(), nn.Linear(64, 3), nn.LogSoftmax(1)), 3, spec)
    'log-probabilities'
    """
    shown = f"images of {format_shape(spec.shape)}, {(_PROBES, *spec.shape)}"
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(max(_PROBES, last_batch), *spec.shape, generator=generator)
    try:
        answers = _answer(module, images[:_PROBES])
    except Exception as error:
        raise TrainError(f"the network can't take {shown}: {first_line(error)}") from error
    if not isinstance(answers, Tensor):
        raise TrainError(f"the network gives {_kind(answers)}; it must give a tensor (N, classes)")
    if answers.ndim != 2 or len(answers) != _PROBES:
        raise TrainError(f"the network gives {tuple(answers.shape)} for {shown}, not (N, classes)")
    if answers.shape[1] != classes:
        raise TrainError(f"the network answers with {answers.shape[1]} columns, and there are {classes} classes")
    if answers.dtype != torch.float32:
        raise TrainError(f"the network answers in {answers.dtype}; it must compute in float32")
    if not any(values.requires_grad for values in module.parameters()):
        raise TrainError("the network has no parameters to learn")
    if not torch.isfinite(answers).all():
        raise TrainError("the network gives NaN or infinite numbers before it has learned anything")
    if not all(isinstance(values, Tensor) for values in module.state_dict().values()):
        raise TrainError("the network's state_dict() holds something else than tensors, which a checkpoint can't")
    if bool((answers >= 0).all()) and bool((answers.sum(1) - 1).abs().max() < SUM_ATOL):
        raise TrainError("the network gives probabilities; leave the softmax out, or make it a log_softmax")
    try:
        _learn(module, images[:last_batch], classes)
    except Exception as error:
        hint = "; choose another --batch-size" if last_batch == 1 else ""
        raise TrainError(f"the network can't learn from a batch of {last_batch}: {first_line(error)}{hint}") from error
    normalized = _sums_to_1(answers) and _sums_to_1(_answer(_change(module, generator), images[:_PROBES]))
    return LOG_PROBABILITIES if normalized else LOGITS


def _call(factory: Callable[..., Any], classes: int, spec: InputSpec) -> Any:
    try:
        parameters = [*inspect.signature(factory).parameters.values()]
    except ValueError:  # of a class in C
        return factory(classes)
    if not parameters:
        return factory()
    positional = [each for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
    named = next((each for each in parameters if each.name == "spec" and each.kind != each.POSITIONAL_ONLY), None)
    if named is not None:
        return factory(classes, spec=spec)
    wants_second = len(positional) > 1 and positional[1].default is inspect.Parameter.empty
    return factory(classes, spec) if wants_second else factory(classes)


def _kind(value: object) -> str:
    return f"a {type(value).__name__}"


def _answer(module: nn.Module, images: Tensor) -> Any:
    device = next((values.device for values in module.parameters()), images.device)
    with evaluation_mode(module), torch.no_grad():
        return module(images.to(device))


def _learn(module: nn.Module, images: Tensor, classes: int) -> None:
    """One step forward and back, on a copy."""
    copied = copy.deepcopy(module).train()
    with torch.random.fork_rng():
        answers = copied(images.to(next(copied.parameters()).device))
        nn.functional.cross_entropy(answers, torch.arange(len(images), device=answers.device) % classes).backward()  # type: ignore[no-untyped-call]


def _change(module: nn.Module, generator: torch.Generator) -> nn.Module:
    """A copy with other weights."""
    copied = copy.deepcopy(module)
    with torch.no_grad():
        for values in copied.parameters():
            if values.is_floating_point():
                values.add_(torch.randn(values.shape, generator=generator).to(values.device), alpha=0.1)
    return copied


def _sums_to_1(answers: Tensor) -> bool:
    return bool((answers.exp().sum(1) - 1).abs().max() < SUM_ATOL)
