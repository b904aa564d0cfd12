import numpy as np
import pytest

from mnistx_export.int8_gate import Int8Gate, changed_predictions


@pytest.mark.parametrize("ratios", [(0.9, 1.1), (1.1, 0.9)])
def test_int8_that_is_smaller_or_faster_is_kept(ratios: tuple[float, float]) -> None:
    assert Int8Gate(0.05, 5000, *ratios, ()).rejection_reason(0.05) is None


@pytest.mark.parametrize("ratios", [(1.0, 1.0), (0.9, 0.8)])
def test_int8_that_is_neither_or_loses_accuracy_is_not(ratios: tuple[float, float]) -> None:
    assert (
        Int8Gate(0.0, 5000, *ratios, ()).rejection_reason(0.05) == "it is neither smaller nor faster here than float32"
    )
    lost = Int8Gate(0.06, 5000, 4.0, 2.0, ()).rejection_reason(0.05)
    assert lost is not None and "loses 0.06 points of accuracy on 5,000 validation images" in lost


def test_a_prediction_that_changed_is_listed() -> None:
    answers = np.log(np.random.default_rng(0).dirichlet(np.ones(10), 20))
    other = answers.copy()
    other[3] = np.roll(other[3], 1)
    labels, names = np.arange(20) % 10, tuple("0123456789")
    (found,) = changed_predictions("validation", labels, answers, other, names)
    assert (found.index, found.label) == (3, "3")
    assert (found.before, found.after) == (names[answers[3].argmax()], names[other[3].argmax()])
