import json

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, confusion_matrix, log_loss, recall_score

from mnistx_train.evaluation.metrics import measure, wilson


def answers(count: int = 500, classes: int = 10, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Log-probabilities that are right more often than not, and the true classes."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, count).astype(np.int64)
    scores = random.normal(size=(count, classes)) * 1.5
    scores[np.arange(count), labels] += 2
    return scores - np.log(np.exp(scores).sum(1, keepdims=True)), labels


def of(*rows: tuple[list[float], int]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Log-probabilities and labels from probabilities."""
    return np.log(np.array([row for row, _ in rows])), np.array([label for _, label in rows], np.int64)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_measures_are_sklearns(dtype: type[np.floating]) -> None:
    log_probs, labels = answers()
    read = log_probs.argmax(1)

    found = measure(log_probs.astype(dtype), labels)

    assert found.count == 500
    assert found.accuracy == accuracy_score(labels, read)
    assert found.confusion == confusion_matrix(labels, read).tolist()
    assert found.per_class_accuracy == pytest.approx(recall_score(labels, read, average=None).tolist(), rel=1e-12)
    assert found.loss == pytest.approx(log_loss(labels, np.exp(log_probs)), rel=1e-6)
    assert found.interval == wilson(int((labels == read).sum()), 500)


def test_confusion_has_true_classes_in_rows() -> None:
    found = measure(*of(([0.1, 0.8, 0.1], 0), ([0.1, 0.8, 0.1], 0), ([0.1, 0.1, 0.8], 2)))

    assert found.confusion == [[0, 2, 0], [0, 0, 0], [0, 0, 1]]
    assert found.most_confused == [(0, 1, 2)]


def test_a_class_without_images_counts_as_zero() -> None:
    found = measure(*of(([0.8, 0.1, 0.1], 0), ([0.1, 0.1, 0.8], 2)))

    assert found.per_class_accuracy == [1.0, 0.0, 1.0]
    assert found.accuracy == 1.0


def test_calibration_error_by_hand() -> None:
    found = measure(
        *of(([0.9, 0.1], 0), ([0.1, 0.9], 0), ([0.62, 0.38], 0), ([0.38, 0.62], 1), ([0.64, 0.36], 1), ([1.0, 1e-9], 0))
    )

    assert [count for _, _, count in found.calibration] == [3, 2, 1]
    confidences, accuracies = zip(*[(c, a) for c, a, _ in found.calibration], strict=True)
    assert confidences == pytest.approx(((0.62 + 0.62 + 0.64) / 3, 0.9, 1.0))
    assert accuracies == pytest.approx((2 / 3, 0.5, 1.0))
    by_hand = (3 * abs(1.88 / 3 - 2 / 3) + 2 * abs(0.9 - 0.5) + 1 * 0) / 6
    assert found.calibration_error == pytest.approx(by_hand)


@pytest.mark.parametrize("bin_", range(8, 15))
def test_calibration_has_fifteen_equal_bins(bin_: int) -> None:
    low, high = bin_ / 15 + 1e-6, (bin_ + 1) / 15 - 1e-6
    inside = measure(*of(([low, 1 - low], 0), ([high, 1 - high], 0)))
    assert [count for *_, count in inside.calibration] == [2]

    if bin_ < 14:
        beyond = high + 2e-6
        across = measure(*of(([high, 1 - high], 0), ([beyond, 1 - beyond], 0)))
        assert [count for *_, count in across.calibration] == [1, 1]


def test_calibration_covers_every_image() -> None:
    found = measure(*answers())

    assert sum(count for *_, count in found.calibration) == 500
    assert sum(accuracy * count for _, accuracy, count in found.calibration) / 500 == pytest.approx(found.accuracy)
    assert 0 < found.calibration_error < 1


def test_misread_images_come_surest_first() -> None:
    found = measure(*of(([0.6, 0.4], 1), ([0.9, 0.1], 0), ([0.2, 0.8], 0), ([0.3, 0.7], 0)))

    assert [wrong[:3] for wrong in found.wrong] == [(2, 0, 1), (3, 0, 1), (0, 1, 0)]
    assert [p for *_, p in found.wrong] == pytest.approx([0.8, 0.7, 0.6])


def test_nothing_is_wrong_when_all_is_right() -> None:
    found = measure(*of(([0.6, 0.4], 0), ([0.1, 0.9], 1)))

    assert (found.accuracy, found.wrong, found.most_confused) == (1.0, [], [])
    assert found.interval[1] == pytest.approx(1)


def test_the_ten_most_frequent_confusions_are_kept() -> None:
    log_probs, labels = answers(2000)
    found = measure(log_probs, labels)

    off_diagonal = np.array(found.confusion)
    np.fill_diagonal(off_diagonal, 0)
    assert [count for *_, count in found.most_confused] == sorted(off_diagonal.ravel().tolist(), reverse=True)[:10]
    assert all(off_diagonal[label, answer] == count for label, answer, count in found.most_confused)


def test_values_survive_json() -> None:
    found = measure(*answers(50)).to_dict()

    read = json.loads(json.dumps(found))

    assert read == found | {
        "interval": list(found["interval"]),
        "most_confused": [list(row) for row in found["most_confused"]],
        "calibration": [list(row) for row in found["calibration"]],
        "wrong": [list(row) for row in found["wrong"]],
    }


@pytest.mark.parametrize(
    ("right", "count", "low", "high"), [(8, 10, 0.4902, 0.9433), (50, 100, 0.4038, 0.5962), (1, 20, 0.0089, 0.2361)]
)
def test_wilson_gives_the_published_bounds(right: int, count: int, low: float, high: float) -> None:
    assert wilson(right, count) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(("right", "count"), [(1, 2), (3, 7), (989, 1000), (9893, 10000), (1, 10000)])
def test_wilson_bounds_lie_z_standard_errors_away(right: int, count: int) -> None:
    for bound in wilson(right, count, z=1.5):
        assert abs(right / count - bound) == pytest.approx(1.5 * (bound * (1 - bound) / count) ** 0.5)


def test_wilson_at_the_ends() -> None:
    none, all_ = wilson(0, 20), wilson(20, 20)

    assert none == pytest.approx((0, 0.1611), abs=5e-5)
    assert all_ == pytest.approx((1 - none[1], 1), abs=1e-9)
    assert wilson(0, 3)[0] == 0 and wilson(20, 20)[1] == 1


def test_a_thousand_classes_are_measured() -> None:
    log_probs, labels = answers(3000, classes=1000)
    found = measure(log_probs, labels)

    assert found.confusion == confusion_matrix(labels, log_probs.argmax(1), labels=range(1000)).tolist()
