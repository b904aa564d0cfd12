"""What TorchScript and torch.export share: a loaded module that torch runs."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistx_runtime.backends import in_chunks
from mnistx_runtime.errors import ArtifactError, BackendUnavailable

PROPS_FILE = "mnistx.json"
"""The extra file of an archive that holds its string properties."""

_CHUNK = 256


def imported_torch() -> Any:
    """The package torch.

    Raises:
        BackendUnavailable: it's installed and can't be loaded.
    """
    try:
        import torch
    except (ImportError, OSError, RuntimeError) as error:
        raise BackendUnavailable(f"torch is installed and can't be loaded: {error}") from error
    return torch


class TorchSession:
    """A module that torch runs, operator by operator."""

    def __init__(self, module: Any, props: Mapping[str, str], kind: str) -> None:
        """Keep a callable module, the properties that came with it, and what to call it."""
        self._module, self._kind = module, kind
        self.props = props

    def run(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See `Session.run`."""
        return in_chunks(self._run, images, _CHUNK)

    def _run(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        torch = imported_torch()
        try:
            with torch.inference_mode():
                found: NDArray[np.float32] = self._module(torch.from_numpy(images)).numpy()
                return found
        except (RuntimeError, AttributeError, IndexError) as error:
            raise ArtifactError(f"the {self._kind} doesn't take and give what mnistx's do: {error}") from error
