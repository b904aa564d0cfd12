import numpy as np
import pytest

from mnistx_train.datasets import stats
from mnistx_train.datasets.stats import BATCH_PIXELS, class_balance, pixel_stats

BATCH = BATCH_PIXELS // (28 * 28)


@pytest.mark.parametrize("count", [1, 7, BATCH - 1, BATCH, BATCH + 1, 2 * BATCH + 3])
def test_pixel_stats_are_numpys(count: int) -> None:
    images = (np.random.default_rng(count).beta(0.3, 2, (count, 1, 28, 28)) * 255).astype(np.uint8)

    found = pixel_stats(images)

    assert found.count == count
    assert found.mean == pytest.approx((np.mean(images / 255),), rel=1e-12)
    assert found.std == pytest.approx((np.std(images / 255),), rel=1e-12)


def test_each_channel_has_its_own_stats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stats, "BATCH_PIXELS", 2 * 3 * 8 * 9)
    images = np.random.default_rng(0).integers(0, 256, (7, 3, 8, 9), np.uint8)
    images[:, 2] = 51

    found = pixel_stats(images)

    assert found.mean == pytest.approx(np.mean(images / 255, (0, 2, 3)).tolist(), rel=1e-12)
    assert found.std == pytest.approx(np.std(images / 255, (0, 2, 3)).tolist(), rel=1e-12, abs=1e-12)
    assert (found.mean[2], found.std[2]) == (0.2, 0)


@pytest.mark.parametrize("value", [0, 1, 200, 255])
def test_equal_pixels_have_no_deviation(value: int) -> None:
    found = pixel_stats(np.full((3, 1, 28, 28), value, np.uint8))

    assert (found.mean, found.std) == ((value / 255,), (0.0,))


def test_class_balance_counts_every_class() -> None:
    labels = np.random.default_rng(0).integers(0, 5, 200).astype(np.int64)

    assert class_balance(labels, 5) == [int((labels == c).sum()) for c in range(5)]


def test_class_balance_keeps_classes_without_images() -> None:
    assert class_balance(np.array([1, 1, 3], np.int64), 6) == [0, 2, 0, 1, 0, 0]
