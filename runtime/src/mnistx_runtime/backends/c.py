"""Folders of C, compiled by the system's compiler and loaded into this process: the code that a device runs.

Where there's no compiler, the library in the folder that was built for such a machine, if a signature vouches for it.
"""

import ctypes
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistx_runtime.artifact import c_folder
from mnistx_runtime.artifact.c_check import check_c
from mnistx_runtime.artifact.container import Artifact
from mnistx_runtime.backends import ArtifactSession, artifact_for
from mnistx_runtime.c_build import NO_COMPILER, compiler, shared_library, stage_library
from mnistx_runtime.errors import ArtifactError

_ALIGNMENT = 16
_MOST_WORKSPACE = 1 << 31


class C:
    """Loads folders that end in .c99."""

    def check(self) -> str | None:
        """See `Backend.check`."""
        return None if compiler() else NO_COMPILER

    def load(self, model: Any, threads: int) -> "CSession":  # noqa: ARG002
        """See `Backend.load`; it computes on one thread."""
        artifact = artifact_for(model, "c").require_as_exported()
        name = c_folder.model_name(artifact.files)
        sources = c_folder.sources(artifact.files, artifact.props)
        if not artifact.allow_foreign:
            check_c({file: sources[file] for file in c_folder.payload_names(sources, name)}, name, str(artifact.path))
        with _library(artifact, sources, name) as path:
            try:
                predict = getattr(ctypes.CDLL(str(path)), f"{name}_predict")
            except (OSError, AttributeError) as error:
                raise ArtifactError(f"{artifact.path} was built and can't be loaded: {error}") from error
        predict.argtypes = [ctypes.c_void_p] * 3
        size = workspace_bytes(sources[f"{name}.h"], name, str(artifact.path))
        return CSession(artifact, predict, size)


def _library(artifact: Artifact, sources: Mapping[str, bytes], name: str) -> AbstractContextManager[Path]:
    """Compiled here, or as it lies in the folder.

    Raises:
        ArtifactError: there's no compiler, and nobody vouches for the library in the folder.
    """
    built = None if compiler() else c_folder.library(artifact.files)
    if built is None:
        return shared_library(sources, name)
    if not (artifact.signed or artifact.allow_foreign):
        raise ArtifactError(
            f"{artifact.path}: the library in it is machine code, which runs only where a key that MNISTX_TRUST names "
            "signed it, or --allow-foreign trusts its maker; or compile the source: " + NO_COMPILER.partition(": ")[2]
        )
    return stage_library(built)


def workspace_bytes(header: bytes, name: str, source: str) -> int:
    """What the header says of the workspace."""
    start = f"#define {name.upper()}_WORKSPACE_BYTES ".encode()
    found = [line.removeprefix(start) for line in header.splitlines() if line.startswith(start)]
    if len(found) != 1 or not found[0].isdigit() or not 0 < int(found[0]) <= _MOST_WORKSPACE:
        raise ArtifactError(f"{source} doesn't say how much workspace it needs")
    return int(found[0])


def _address(array: NDArray[Any]) -> int:
    """Where an array's numbers lie; `array.ctypes.data` takes a microsecond for it."""
    place: int = array.__array_interface__["data"][0]
    return place


class CSession(ArtifactSession):
    """A compiled model; one image a call."""

    def __init__(self, artifact: Artifact, predict: Any, workspace: int) -> None:
        """Keep the artifact, its function, and the bytes of its workspace."""
        super().__init__(artifact)
        self._predict, self._workspace = predict, workspace

    def run(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See `Session.run`; each call has a workspace of its own."""
        images = np.ascontiguousarray(images, np.uint8)
        answers = np.empty((len(images), len(self.metadata.names)), np.float32)
        memory = np.empty(self._workspace + _ALIGNMENT, np.uint8)
        source, target, place = _address(images), _address(answers), _address(memory)
        workspace = place + -place % _ALIGNMENT
        step, row = images[0].size if len(images) else 0, answers.strides[0]
        for at in range(len(images)):
            if self._predict(source + at * step, target + at * row, workspace):
                raise ArtifactError(f"{self._artifact.path} refused its own workspace")
        return answers
