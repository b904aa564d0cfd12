"""The runtimes that can carry a model: one table, and the protocol that each one's file fulfils."""

from collections.abc import Callable
from dataclasses import replace
from math import prod
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mnistx_runtime.artifact import c_folder
from mnistx_runtime.artifact.container import FOLDERS, Artifact, open_artifact
from mnistx_runtime.artifact.metadata import Metadata
from mnistx_runtime.errors import ArtifactError, BackendUnavailable, BadInput
from mnistx_runtime.registry import look_up
from mnistx_runtime.signature.trust import require_trusted

if TYPE_CHECKING:
    from mnistx_runtime.artifact.certificate import Certificate

BACKENDS = {
    "ort": "mnistx_runtime.backends.ort:Ort",
    "torchscript": "mnistx_runtime.backends.torchscript:TorchScript",
    "pt2": "mnistx_runtime.backends.pt2:Pt2",
    "openvino": "mnistx_runtime.backends.openvino:OpenVino",
    "litert": "mnistx_runtime.backends.litert:LiteRt",
    "executorch": "mnistx_runtime.backends.executorch:ExecuTorch",
    "ncnn": "mnistx_runtime.backends.ncnn:Ncnn",
    "c": "mnistx_runtime.backends.c:C",
    "web": "mnistx_runtime.backends.web:Web",
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
    ".c99": "c",
    ".html": "web",
    ".triton": "ort",
    ".safetensors": "torch",
}
"""Which runtime a file's ending asks for."""

CRASHING = ("ncnn", "litert", "executorch")
"""Runtimes known to crash on some files whose certificate fits."""

_VARIANTS = ("-int8", "-fp16", "-fp32")
"""What ends the name of a file whose precision isn't its format's usual one."""

CHUNK = 64  # images a run: throughput rises little beyond, memory rises in step
_CHUNK_PIXELS = 1 << 20  # of them at most; images of 224x224 in colour, 6 a run


class Session(Protocol):
    """A loaded model. It knows pixels and log-probabilities; pictures and labels are the predictor's.

    Any number of threads may run it at once.
    """

    @property
    def metadata(self) -> Metadata:
        """What the model says of itself."""

    @property
    def certificate(self) -> "Certificate":
        """Its golden images and the trained model's answers to them."""

    def run(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Log-probabilities `(N, classes)` of images `(N, channels, height, width)`, 0..255."""


class Backend(Protocol):
    """One way to run a model."""

    def check(self) -> str | None:
        """Why it can't run here, with the line that installs what is missing; None if it can. Imports nothing heavy."""

    def load(self, model: Any, threads: int) -> Session:
        """Load a model.

        Args:
            model: a path, an `Artifact`, or a loaded model of the runtime's own kind where the backend says so.
            threads: the most threads it may compute with.

        Raises:
            ArtifactError: the file is missing, damaged or made for another interface.
        """


class ArtifactSession:
    """What the sessions of all artifacts share: metadata and certificate are the artifact's own.

    `_alone` is held through a run by those whose library keeps a run's images and answers in one place.
    """

    def __init__(self, artifact: Artifact) -> None:
        """Keep an artifact."""
        self._artifact, self._alone = artifact, Lock()
        self.metadata = artifact.metadata

    @property
    def certificate(self) -> "Certificate":
        """See `Session.certificate`; it is decoded when it's first asked for."""
        return self._artifact.certificate


def backend(name: str, model: Any = None) -> Backend:
    """The runtime of that name, ready to load models.

    Args:
        name: of the runtime.
        model: a path or an artifact that it is to load: one of C may hold a library, which takes no compiler.

    Raises:
        BadInput: no runtime has this name.
        BackendUnavailable: it can't run here.
    """
    found: Backend = look_up(BACKENDS, name, "runtime")()
    reason = found.check()
    if reason and not _holds_library(model):
        raise BackendUnavailable(f"runtime {name!r} can't run here: {reason}")
    return found


def _holds_library(model: Any) -> bool:
    """Whether a model is a folder of C with a library for a machine such as this one."""
    if isinstance(model, Artifact):
        return model.path.suffix == c_folder.SUFFIX and c_folder.library(model.files) is not None
    path = model if isinstance(model, Path) else Path(str(model))
    return path.suffix == c_folder.SUFFIX and path.is_dir() and _holds_library(open_artifact(path))


def runtime_of(path: Path) -> str:
    """The runtime that a file's ending asks for.

    Raises:
        ArtifactError: no runtime reads files with this ending.

    >>> runtime_of(Path("mnist-cnn.onnx"))
    'ort'
    """
    if path.suffix not in SUFFIXES:
        from mnistx_runtime.artifact.foreign_model import foreign_model

        known = f"no runtime reads '{path.suffix}' files; known endings: {', '.join(SUFFIXES)}"
        what = foreign_model(path)
        raise ArtifactError(f"{path} is {what}" if what else f"{path}: {known}")
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
    return (path.suffix[1:] if path.suffix in (".onnx", ".triton") else runtime) + variant


def artifact_for(model: Any, runtime: str, allow_foreign: bool = False) -> Artifact:
    """The artifact that a runtime is asked to load.

    Args:
        model: an artifact, or the path of one.
        runtime: the runtime's name.
        allow_foreign: see `Artifact`.

    Raises:
        ArtifactError: no such file, an empty one, or one that asks for another runtime.
        BadInput: neither an artifact nor a path.
        UntrustedModel: MNISTX_TRUST names keys, and none of them signed what the path names. An artifact was read by
            the caller, who answers for it.
    """
    if isinstance(model, Artifact):
        return model
    opened = open_artifact(existing_file(model, runtime), allow_foreign)
    return replace(opened, signed=require_trusted(opened) is not None)


def trusted_model(path: Path | str, runtime: str, allow_foreign: bool) -> Any:
    """What a runtime is asked to load of a path, where a user may trust its operators.

    Args:
        path: of a model; a checkpoint holds no operators.
        runtime: the runtime's name.
        allow_foreign: see `Artifact`.

    Raises:
        ArtifactError, UntrustedModel: see `artifact_for`.
    """
    return artifact_for(path, runtime, True) if allow_foreign and runtime != "torch" else path


def existing_file(model: Any, runtime: str) -> Path:
    """The model's path, if it is a file that this runtime reads.

    Raises:
        ArtifactError: no such file, an empty one, or one that asks for another runtime.
        BadInput: no path.
    """
    try:
        path = Path(model)
    except TypeError as error:
        raise BadInput(f"runtime {runtime!r} loads a path, not {type(model).__name__}") from error
    folder = path.suffix in FOLDERS and path.is_dir()
    if not path.is_file() and not folder:
        from mnistx_runtime.artifact.foreign_model import reason_against_path

        raise ArtifactError(reason_against_path(path))
    if runtime_of(path) != runtime:
        other = runtime_of(path)
        raise ArtifactError(f"{path} is not for runtime {runtime!r}; use --runtime {other} (runtime={other!r})")
    if not folder and not path.stat().st_size:
        raise ArtifactError(f"{path} is empty")
    return path


def chunk_of(shape: tuple[int, ...], most: int = CHUNK) -> int:
    """How many images of a shape a run takes: at most `most`, and fewer where they are large, to bound the memory.

    >>> chunk_of((1, 28, 28)), chunk_of((3, 224, 224))
    (64, 6)
    """
    return max(1, min(most, _CHUNK_PIXELS // prod(shape)))


def in_chunks(
    run: Callable[[NDArray[np.uint8]], NDArray[np.float32]], images: NDArray[np.uint8], size: int
) -> NDArray[np.float32]:
    """The answers to many images, `size` at a time: some runtimes bound the batch, and memory stays bounded with it."""
    if len(images) <= size:
        return run(images)
    return np.concatenate([run(images[at : at + size]) for at in range(0, len(images), size)])
