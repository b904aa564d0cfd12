"""The runtime "torch": the checkpoint itself, run by PyTorch."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnistx_export.describe import metadata
from mnistx_runtime.artifact.parity import ATOL
from mnistx_runtime.errors import ArtifactError
from mnistx_train.checkpoint import load_checkpoint
from mnistx_train.errors import TrainError
from mnistx_train.inference import log_probs


class TrainedSession:
    """A checkpoint, with the metadata that its artifacts would carry.

    Args:
        path: a .safetensors file that `mnistx train` wrote.

    Raises:
        ArtifactError: it's missing, damaged, or was not.
    """

    def __init__(self, path: Path) -> None:
        """Load it; see the class."""
        try:
            self._network, self._card = load_checkpoint(path)
        except TrainError as error:
            raise ArtifactError(str(error)) from error
        self.props = metadata(self._network, self._card, ATOL).to_props()

    def run(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See `mnistx_runtime.backends.Session.run`."""
        return log_probs(self._network, images, self._card.mean, self._card.std).astype(np.float32)
