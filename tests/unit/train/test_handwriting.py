import numpy as np
import pytest

from handwriting import WAYS, written

every_way = pytest.mark.parametrize(("digit", "way"), WAYS)


@every_way
def test_a_seed_is_a_picture_and_another_seed_another(digit: int, way: str) -> None:
    pictures = [written(digit, way, seed) for seed in (0, 0, 1, 2, 3)]

    assert np.array_equal(pictures[0], pictures[1])
    assert len({picture.tobytes() for picture in pictures}) == 4


@every_way
def test_pictures_are_placed_and_inked_as_mnist_is(digit: int, way: str) -> None:
    for seed in range(5):
        picture = written(digit, way, seed)
        rows, columns = np.nonzero(picture > 64)
        assert picture.dtype == np.uint8
        assert picture.max() > 200
        assert 16 <= max(np.ptp(rows), np.ptp(columns)) + 1 <= 21
        y, x = ((picture * axis).sum() / picture.sum() for axis in np.mgrid[0:28, 0:28])
        assert (y, x) == pytest.approx((14, 14), abs=0.25)


def test_every_digit_is_written_in_more_than_one_way() -> None:
    assert {digit: sum(d == digit for d, _ in WAYS) >= 2 for digit in range(10)} == dict.fromkeys(range(10), True)
