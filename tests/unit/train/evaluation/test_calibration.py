import numpy as np
import pytest
from numpy.typing import NDArray

from mnistx_train.evaluation.calibration import apply_temperature, fit_temperature
from mnistx_train.evaluation.metrics import measure


def sample(count: int, sharpness: float) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Log-probabilities, and labels drawn from what they would be at temperature `sharpness`."""
    random = np.random.default_rng(3)
    scores = random.normal(0, 3, (count, 10))
    truth = scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)
    labels = np.array([random.choice(10, p=np.exp(row)) for row in truth])
    sharp = scores * sharpness
    return sharp - np.logaddexp.reduce(sharp, axis=1, keepdims=True), labels


@pytest.mark.parametrize("sharpness", [0.5, 1.0, 2.5])
def test_the_temperature_undoes_how_much_too_sure_a_model_is(sharpness: float) -> None:
    log_probs, labels = sample(4000, sharpness)
    assert fit_temperature(log_probs, labels) == pytest.approx(sharpness, rel=0.06)


def test_calibrated_probabilities_are_right_as_often_as_they_say() -> None:
    log_probs, labels = sample(4000, 2.5)
    before = measure(log_probs, labels)
    after = measure(apply_temperature(log_probs, fit_temperature(log_probs, labels)), labels)
    assert before.calibration_error > 0.1 > 0.02 > after.calibration_error
    assert after.confusion == before.confusion


def test_calibrated_rows_are_distributions_and_1_changes_nothing() -> None:
    log_probs, _ = sample(20, 1.0)
    assert np.exp(apply_temperature(log_probs, 3.0)).sum(1) == pytest.approx(np.ones(20))
    assert apply_temperature(log_probs, 1.0) == pytest.approx(log_probs)


def test_a_split_that_is_read_wholly_right_has_a_bounded_temperature() -> None:
    right = np.log([[0.9, 0.1], [0.2, 0.8]])
    assert fit_temperature(right, np.array([0, 1])) == pytest.approx(0.05, abs=0.001)
