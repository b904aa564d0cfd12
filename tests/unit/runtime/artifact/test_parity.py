import numpy as np
import pytest

from mnistx_runtime.artifact.parity import ATOL, FLOAT32, LARGE, Tolerance, compare
from mnistx_runtime.errors import BadInput

REFERENCE = np.log(np.array([[0.7, 0.2, 0.1], [0.3, 0.4, 0.3]]))


def test_the_measures_of_a_known_difference() -> None:
    candidate = REFERENCE.copy()
    candidate[0, 1] += 0.01
    candidate[1, 2] -= 0.02
    found = compare(candidate, REFERENCE, Tolerance(0.02 + 1e-9))
    assert found.max_abs == pytest.approx(0.02)
    assert found.mean_abs == pytest.approx(0.03 / 6)
    assert found.min_margin == pytest.approx(np.log(0.4 / 0.3))
    assert found.changed == 0 and found.passed
    assert not compare(candidate, REFERENCE, Tolerance(0.019)).passed


def test_one_changed_prediction_fails_within_any_tolerance() -> None:
    candidate = REFERENCE.copy()
    candidate[1] = np.log([0.41, 0.30, 0.29])
    found = compare(candidate, REFERENCE, Tolerance(10))
    assert found.changed == 1 and not found.passed


@pytest.mark.parametrize(("share", "allowed"), [(0.0, 0), (1e-3, 1), (0.5, 1), (0.51, 2), (1.0, 2)])
def test_the_share_of_changed_predictions_is_rounded_up_to_whole_ones(share: float, allowed: int) -> None:
    candidate = REFERENCE.copy()
    candidate[1] = np.log([0.41, 0.30, 0.29])
    found = compare(candidate, REFERENCE, Tolerance(10, share))
    assert found.allowed == allowed
    assert found.passed == (allowed >= 1)


def test_float32_promises_that_nothing_changes_and_only_reduced_precision_has_a_tolerance_of_its_own() -> None:
    assert compare(REFERENCE, REFERENCE).atol == ATOL == 1e-4
    assert FLOAT32.changed == 0 and not FLOAT32.reduced
    assert Tolerance(0.5, own_atol=0.0).reduced


def test_the_tolerance_grows_with_an_image_s_own_large_answers_and_no_other_s() -> None:
    reference = np.array([[0.0, -5 * LARGE], [0.0, -LARGE]])
    off = np.array([[0.0, 4 * ATOL], [0.0, 0.0]])
    found = compare(reference + off, reference)
    assert found.passed and found.max_abs == pytest.approx(4 * ATOL) and found.scaled_abs == pytest.approx(0.8 * ATOL)
    assert "0.0004, 8e-05 in proportion to large answers" in str(found)
    assert not compare(reference + off[::-1], reference).passed
    assert not compare(reference + 1.3 * off, reference).passed


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("side", ["candidate", "reference", "both"])
def test_what_is_not_finite_never_passes(value: float, side: str) -> None:
    broken = REFERENCE.copy()
    broken[0, 2] = value
    candidate = broken if side != "reference" else REFERENCE
    found = compare(candidate, broken if side != "candidate" else REFERENCE, Tolerance(1e9, 1.0))
    assert found.max_abs == np.inf and not found.passed


def test_answers_that_cannot_be_compared_are_told() -> None:
    for candidate, reference in ((REFERENCE[:1], REFERENCE), (REFERENCE[:0], REFERENCE[:0]), (REFERENCE[0],) * 2):
        with pytest.raises(BadInput, match="can't compare"):
            compare(candidate, reference)


def test_a_line_says_what_was_found() -> None:
    assert str(compare(REFERENCE, REFERENCE)) == "max 0, mean 0 (tolerance 0.0001), 0 of 2 predictions changed"
    assert compare(REFERENCE, REFERENCE).to_dict()["passed"] is True
