"""The runtime "torch": the checkpoint itself, run by PyTorch."""

import logging
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnistx_export.checkpoint_model import model_from_checkpoint, model_with_data
from mnistx_runtime.artifact.certificate import Certificate
from mnistx_runtime.artifact.parity import FLOAT32
from mnistx_runtime.backends.torch_session import torch_threads
from mnistx_runtime.benchmark.evaluation_set import EvaluationSet
from mnistx_runtime.errors import ArtifactError
from mnistx_train.errors import TrainError

_log = logging.getLogger(__name__)


class CheckpointSession:
    """A checkpoint, with the metadata that its artifacts would carry.

    Args:
        path: a .safetensors file that `mnistx train` wrote.
        threads: the most threads it may compute with.

    Raises:
        ArtifactError: it's missing, damaged, or was not.
    """

    def __init__(self, path: Path, threads: int) -> None:
        """Load it; see the class."""
        try:
            self._path, self._threads, self._model = path, threads, model_from_checkpoint(path)
        except TrainError as error:
            raise ArtifactError(str(error)) from error
        self.metadata = self._model.metadata

    @property
    def certificate(self) -> Certificate:
        """See `mnistx_runtime.backends.Session.certificate`."""
        return self._model.certificate(FLOAT32)

    def run(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See `mnistx_runtime.backends.Session.run`."""
        with torch_threads(self._threads, images):
            return self._model.log_probs(images).astype(np.float32)

    def test_set(self, data_dir: Path | None) -> EvaluationSet | None:
        """The test images of its data set with its answers to them; None where the data set isn't at hand.

        Args:
            data_dir: the folder that the data set lies in.

        Raises:
            TrainError: the data that was named can't be read.
        """
        model, missing = model_with_data(self._path, data_dir, with_training=False)
        reference = model.reference
        if reference is None:
            _log.warning("measured on golden images only: %s", missing)
            return None
        test = reference.test
        what = f"the {len(test):,} test images of {self.metadata.dataset}"
        return EvaluationSet(test.images, reference.float32, test.labels, what)
