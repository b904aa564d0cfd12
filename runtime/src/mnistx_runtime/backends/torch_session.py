"""What TorchScript and torch.export share: a loaded module that torch runs."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistx_runtime.artifact.container import Artifact
from mnistx_runtime.backends import ArtifactSession, chunk_of, in_chunks
from mnistx_runtime.errors import ArtifactError, BackendUnavailable


def import_torch() -> Any:
    """The package torch.

    Raises:
        BackendUnavailable: it's installed and can't be loaded.
    """
    try:
        import torch
    except (ImportError, OSError, RuntimeError) as error:
        raise BackendUnavailable(f"torch is installed and can't be loaded: {error}") from error
    return torch


class TorchSession(ArtifactSession):
    """A module that torch runs, operator by operator."""

    def __init__(self, artifact: Artifact, module: Any, kind: str) -> None:
        """Keep the artifact, its callable module, and what to call it."""
        super().__init__(artifact)
        self._module, self._kind = module, kind

    def run(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See `Session.run`."""
        return in_chunks(self._run, images, chunk_of(images.shape[1:]))

    def _run(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        torch = import_torch()
        try:
            with torch.inference_mode():
                found: NDArray[np.float32] = self._module(torch.from_numpy(images)).numpy()
                return found
        except (RuntimeError, AttributeError, IndexError) as error:
            raise ArtifactError(f"the {self._kind} doesn't take and give what mnistx's do: {error}") from error
