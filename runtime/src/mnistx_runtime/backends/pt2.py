"""torch.export's archive, PyTorch's successor of TorchScript, run as the graph that it holds."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistx_runtime.backends import existing_file, in_chunks, missing
from mnistx_runtime.errors import ArtifactError, BackendUnavailable
from mnistx_runtime.quiet import quiet

CHUNK = 256
PROPS_FILE = "mnistx.json"


class Pt2:
    """Loads .pt2 files."""

    def check(self) -> str | None:
        """See `Backend.check`."""
        return missing("pt2", "torch")

    def load(self, model: Any, threads: int) -> "Pt2Session":  # noqa: ARG002
        """See `Backend.load`; torch's thread pool belongs to the whole process and is left to the caller."""
        try:
            import torch
        except (ImportError, OSError, RuntimeError) as error:
            raise BackendUnavailable(f"torch is installed and can't be loaded: {error}") from error
        path = existing_file(model, "pt2")
        extra = {PROPS_FILE: ""}
        try:
            with quiet():
                program = torch.export.load(path, extra_files=extra)
            return Pt2Session(program.module(), dict(json.loads(extra[PROPS_FILE] or "{}")))
        except Exception as error:  # its reader raises whatever a damaged archive makes it stumble over
            raise ArtifactError(f"{path} is not a readable torch.export archive (damaged or cut off)") from error


class Pt2Session:
    """An exported program, run operator by operator."""

    def __init__(self, module: Any, props: Mapping[str, str]) -> None:
        """Keep the module of an exported program and the properties that came with it."""
        self._module = module
        self.props = props

    def run(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See `Session.run`."""
        return in_chunks(self._run, images, CHUNK)

    def _run(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        import torch

        try:
            with torch.inference_mode():
                found: NDArray[np.float32] = self._module(torch.from_numpy(images)).numpy()
                return found
        except (RuntimeError, AttributeError, IndexError) as error:
            raise ArtifactError(f"the exported program doesn't take and give what mnistx's do: {error}") from error
