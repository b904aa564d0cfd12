import numpy as np
import pytest

from mnistx_export.golden import draw_digit
from mnistx_runtime.preprocess.mnist_image import BOX, SIDE, image_from_patch, stroke_width
from mnistx_runtime.preprocess.segmentation import Patch


def patch(digit: int, side: int) -> Patch:
    levels = (draw_digit(digit, 1, side) / 255).astype(np.float32)
    rows, columns = np.flatnonzero(levels.any(1)), np.flatnonzero(levels.any(0))
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return Patch(levels[box], levels[box] > 0.5, int(rows[0]), int(columns[0]))


@pytest.mark.parametrize("digit", range(10))
@pytest.mark.parametrize("side", [40, 120, 400])
def test_the_longer_side_is_20_and_the_centre_of_mass_in_the_middle(digit: int, side: int) -> None:
    image = image_from_patch(patch(digit, side))
    assert image.shape == (SIDE, SIDE) and image.dtype == np.uint8 and image.max() == 255
    rows, columns = np.nonzero(image)
    assert max(np.ptp(rows), np.ptp(columns)) + 1 in (BOX - 1, BOX)
    y, x = (np.average(axis, weights=image) for axis in np.mgrid[0:SIDE, 0:SIDE])
    assert abs(x - 14) <= 0.5 or {0, SIDE - 1} & {*columns}
    assert abs(y - 14) <= 0.5 or {0, SIDE - 1} & {*rows}


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 300), (300, 1), (7, 3), (2000, 1), (1, 2000), (2000, 1501)])
def test_ink_of_any_shape_makes_an_image(height: int, width: int) -> None:
    image = image_from_patch(Patch(np.ones((height, width), np.float32), np.ones((height, width), bool), 0, 0))
    assert image.shape == (SIDE, SIDE) and image.max() == 255


@pytest.mark.parametrize("times", [2, 5])
def test_the_width_of_a_stroke_is_measured_in_pixels_of_the_box_whatever_the_size(times: int) -> None:
    mask = np.zeros((40, 20), bool)
    mask[:, 8:12] = True
    large = np.repeat(np.repeat(mask, times, 0), times, 1)
    assert stroke_width(large) == pytest.approx(stroke_width(mask), rel=0.05)
    assert stroke_width(mask) == pytest.approx(2, rel=0.2)


def test_hair_lines_are_thickened_and_blots_thinned() -> None:
    line = np.zeros((200, 60), np.float32)
    line[:, 30] = 1
    thin = image_from_patch(Patch(line, line > 0.5, 0, 0))
    assert (thin > 100).sum(1).max() >= 2
    cross = np.zeros((200, 200), np.float32)
    cross[:, 65:135] = cross[65:135] = 1
    assert stroke_width(cross > 0.5) > 5
    thinned = image_from_patch(Patch(cross, cross > 0.5, 0, 0))
    assert 3 <= (thinned > 100).sum(1)[5:8].max() <= 5


@pytest.mark.parametrize("digit", range(10))
def test_a_huge_digit_is_averaged_down_and_makes_the_image_that_a_large_one_does(digit: int) -> None:
    large = patch(digit, 250)
    huge = Patch(large.levels.repeat(8, 0).repeat(8, 1), large.mask.repeat(8, 0).repeat(8, 1), 0, 0)
    assert np.abs(image_from_patch(large).astype(float) - image_from_patch(huge)).mean() < 2.5
