from pathlib import Path

import numpy as np
import pytest

from command import RELEASED
from mnistx_export.checkpoint_model import model_from_checkpoint, model_with_data
from mnistx_train.errors import TrainError


def test_a_checkpoint_becomes_a_model_with_its_data(digits_run: Path) -> None:
    model, missing = model_with_data(digits_run / "model.safetensors", None, with_training=True)
    assert not missing and model.test is not None and model.validation is not None and model.calibration is not None
    assert model.reference is not None
    accuracy = float((model.reference.float32.argmax(1) == model.test.labels).mean())
    assert accuracy == model.test_accuracy


def test_where_the_data_is_not_at_hand_that_is_said_and_the_model_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNISTX_DATA", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    model, missing = model_with_data(RELEASED, None, with_training=True)
    assert "MNIST isn't at hand" in missing and model.test is None and model.reference is None
    assert model.flops == 8_482_304 and sum(values.size for values in model.parameters.values()) == 421_642
    with pytest.raises(TrainError, match="holds no MNIST/raw"):
        model_with_data(RELEASED, tmp_path, with_training=False)


def test_a_damaged_checkpoint_is_told(digits_run: Path, tmp_path: Path) -> None:
    whole = (digits_run / "model.safetensors").read_bytes()
    for size in (0, 4, 1000, len(whole) - 1):
        (tmp_path / "cut.safetensors").write_bytes(whole[:size])
        with pytest.raises(TrainError, match="is not a checkpoint of mnistx"):
            model_from_checkpoint(tmp_path / "cut.safetensors")


def test_float64_is_the_truth_that_float32_rounds() -> None:
    model = model_from_checkpoint(RELEASED)
    golden, answers = model.golden_answers
    gap = np.abs(model.log_probs(golden.images) - answers).max()
    assert 0 < gap < 1e-4
