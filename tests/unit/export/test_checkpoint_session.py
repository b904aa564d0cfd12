from pathlib import Path

import numpy as np
import pytest

from command import RELEASED
from mnistx_export.checkpoint_session import CheckpointSession
from mnistx_runtime import ArtifactError, Predictor


def test_a_checkpoint_is_run_by_torch_and_answers_as_its_artifact_does() -> None:
    images = Predictor().certificate.images
    session = CheckpointSession(RELEASED, 1)
    np.testing.assert_allclose(session.run(images), Predictor().log_probs(images), atol=1e-4)
    assert session.metadata.weights_sha256 == Predictor().metadata.weights_sha256
    assert (session.certificate.images == images).all()


def test_the_test_images_of_its_data_set_come_with_its_answers(digits_run: Path) -> None:
    found = CheckpointSession(digits_run / "model.safetensors", 1).test_set(None)
    assert found is not None and found.labels is not None
    assert found.images.shape == (300, 1, 28, 28) and found.log_probs.shape == (300, 10)
    assert found.what == "the 300 test images of digits"


def test_what_is_no_checkpoint_is_told(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="no such checkpoint"):
        CheckpointSession(tmp_path / "none.safetensors", 1)
