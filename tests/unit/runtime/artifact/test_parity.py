import numpy as np
import pytest

from mnistx_runtime.artifact.parity import compare
from mnistx_runtime.errors import BadInput

REFERENCE = np.log(np.array([[0.7, 0.2, 0.1], [0.3, 0.4, 0.3]]))


def test_the_measures_of_a_known_difference() -> None:
    candidate = REFERENCE.copy()
    candidate[0, 1] += 0.01
    candidate[1, 2] -= 0.02
    found = compare(candidate, REFERENCE, atol=0.02 + 1e-9)
    assert found.max_abs == pytest.approx(0.02)
    assert found.mean_abs == pytest.approx(0.03 / 6)
    assert found.min_margin == pytest.approx(np.log(0.4 / 0.3))
    assert found.changed == 0 and found.passed
    assert not compare(candidate, REFERENCE, atol=0.019).passed


def test_one_changed_prediction_fails_within_any_tolerance() -> None:
    candidate = REFERENCE.copy()
    candidate[1] = np.log([0.41, 0.30, 0.29])
    found = compare(candidate, REFERENCE, atol=10)
    assert found.changed == 1 and not found.passed


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("side", ["candidate", "reference", "both"])
def test_what_is_not_finite_never_passes(value: float, side: str) -> None:
    broken = REFERENCE.copy()
    broken[0, 2] = value
    found = compare(
        broken if side != "reference" else REFERENCE, broken if side != "candidate" else REFERENCE, atol=1e9
    )
    assert found.max_abs == np.inf and not found.passed


def test_answers_that_cannot_be_compared_are_told() -> None:
    for candidate, reference in ((REFERENCE[:1], REFERENCE), (REFERENCE[:0], REFERENCE[:0])):
        with pytest.raises(BadInput, match="can't compare"):
            compare(candidate, reference)
