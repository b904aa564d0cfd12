import numpy as np
import pytest

from mnistx_runtime.prediction import Prediction
from mnistx_runtime.temperature import apply_temperature, probabilities_at
from mnistx_train.evaluation.calibration import apply_temperature as of_training

ROWS = (np.random.default_rng(0).normal(size=(200, 10)) * 8).astype(np.float32)
LOG_PROBS = ROWS - np.logaddexp.reduce(ROWS, axis=1, keepdims=True)


@pytest.mark.parametrize("temperature", [0.05, 0.7, 1.0, 1.0077, 20.0])
def test_a_prediction_and_a_batch_have_the_same_probabilities_bit_for_bit(temperature: float) -> None:
    together = probabilities_at(LOG_PROBS, temperature)
    names = tuple("0123456789")
    for row, shares in zip(LOG_PROBS, together, strict=True):
        alone = Prediction(int(row.argmax()), row, names, 1.0, temperature=temperature).probabilities
        assert np.array_equal(alone, shares)
    assert together.sum(1) == pytest.approx(np.ones(200))


@pytest.mark.parametrize("temperature", [0.7, 1.0, 20.0])
def test_log_probabilities_are_their_logarithm(temperature: float) -> None:
    assert np.exp(apply_temperature(LOG_PROBS, temperature)) == pytest.approx(probabilities_at(LOG_PROBS, temperature))
    assert of_training is apply_temperature


def test_log_probabilities_stay_finite_where_probabilities_vanish() -> None:
    row = np.array([[0.0, -100.0]])
    assert probabilities_at(row, 0.05)[0, 1] == 0
    assert apply_temperature(row, 0.05)[0, 1] == -2000
