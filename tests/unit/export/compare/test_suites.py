import numpy as np
import pytest
from numpy.typing import NDArray

from mnistx_export import Model
from mnistx_export.compare.suites import BATCHES, run_suites, search_worst
from mnistx_runtime import Tolerance

Array = NDArray[np.floating]


@pytest.mark.slow
def test_every_set_of_images_is_compared_and_nothing_else_would_be_missed(model: Model) -> None:
    parts = run_suites(model.log_probs, model, Tolerance(1e-4))
    assert [part.float32.count for part in parts] == [sum(BATCHES), 263, 32]
    assert all(part.passed and part.float32.max_abs == 0 for part in parts)

    def wrong_in_one_batch(images: NDArray[np.uint8]) -> Array:
        return model.log_probs(images) + (0.01 if len(images) == 3 else 0)

    def not_finite_on_white(images: NDArray[np.uint8]) -> Array:
        return np.where((images.reshape(len(images), -1) == 255).all(1)[:, None], np.nan, model.log_probs(images))

    broken = run_suites(wrong_in_one_batch, model, Tolerance(1e-4))
    assert [part.passed for part in broken] == [False, True, True]
    infinite = run_suites(not_finite_on_white, model, Tolerance(1e-4))
    assert not infinite[1].passed and infinite[1].not_finite == 10


def test_the_search_climbs_to_where_the_difference_is() -> None:
    def flat(images: NDArray[np.uint8]) -> Array:
        return np.zeros((len(images), 2))

    def corner(images: NDArray[np.uint8]) -> Array:
        bright = images[:, 0, :14, :14].mean((1, 2))
        return np.stack([bright, -bright], axis=1)

    starts = np.zeros((16, 1, 28, 28), np.uint8)
    found = search_worst(corner, flat, starts)
    assert found[:, 0, :14, :14].mean() > 4 * found[:, 0, 14:, 14:].mean() > 0
    assert (found == search_worst(corner, flat, starts)).all() and not starts.any()
