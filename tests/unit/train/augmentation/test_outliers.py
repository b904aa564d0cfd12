from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from mnistx_train.augmentation.outliers import (
    add_neighbours,
    blots,
    boxes,
    halves,
    scribbles,
    side_by_side,
    straddling,
)


def bars(count: int, first: int, last: int) -> Tensor:
    """Images with ink in the columns from the first to before the last."""
    images = torch.zeros(count, 1, 28, 28)
    images[:, :, 4:24, first:last] = 1
    return images


@pytest.mark.parametrize("draw", [scribbles, blots, boxes])
def test_what_is_drawn_is_ink_in_the_box_and_never_the_same(draw: Callable[[int], Tensor]) -> None:
    torch.manual_seed(0)
    images = draw(30)

    assert images.shape == (30, 1, 28, 28)
    assert float(images.min()) >= 0 and float(images.max()) <= 1
    assert (images.sum((1, 2, 3)) > 10).sum() > 25
    assert not images[..., 0].any() and not images[..., -1].any()
    assert len({image.numpy().tobytes() for image in images}) == 30
    torch.manual_seed(0)
    assert torch.equal(draw(30), images)


def test_two_digits_fill_the_box_of_one() -> None:
    both = side_by_side(bars(2, 4, 8), bars(2, 20, 24))

    columns = both[0, 0].amax(0).nonzero()[:, 0]
    assert int(columns[0]) == 4 and int(columns[-1]) == 23
    assert not both[0, 0, :, 10:18].any()
    rows = both[0, 0].amax(1).nonzero()[:, 0]
    assert 7 <= int(rows[-1]) - int(rows[0]) < 14


def test_what_lies_between_two_wrong_cuts_is_the_side_of_each_where_they_touch() -> None:
    torch.manual_seed(0)
    left, right = bars(2, 4, 12), bars(2, 6, 24)
    left[:, :, 4:14] = right[:, :, 14:24] = 0

    for _ in range(20):
        found = straddling(left, right)[0, 0]

        lower, upper = found[14:24].amax(0).nonzero()[:, 0], found[4:14].amax(0).nonzero()[:, 0]
        assert 5 <= len(lower) <= 8 and 5 <= len(upper) <= 11
        assert -1 <= int(upper[0]) - int(lower[-1]) - 1 <= 0
        middle = (int(lower[0]) + int(upper[-1]) + 1) / 2
        assert abs(middle - 14) <= 3.5


def test_a_side_of_a_digit_lies_in_the_middle() -> None:
    torch.manual_seed(0)
    images = bars(200, 4, 24)
    images[:, :, 4:10, 4:14] = 0  # so that left and right differ

    found = halves(images)

    columns = [image[0].amax(0).nonzero()[:, 0] for image in found]
    assert all(3 <= len(each) <= 9 for each in columns)
    assert all(abs(float(each.float().mean()) - 13.5) <= 1.5 for each in columns)
    is_left = (found[:, 0, 4:10].sum((1, 2)) == 0).float().mean()
    assert 0.4 < float(is_left) < 0.6


def test_neighbours_come_in_from_the_sides_only() -> None:
    torch.manual_seed(0)
    found = add_neighbours(torch.zeros(200, 1, 28, 28), bars(200, 4, 24), 1.0)

    inked = found.amax((1, 2)).bool()
    assert inked.any(1).all() and not inked[:, 7:21].any()
    assert (inked[:, 0] != inked[:, -1]).all()
    assert 0.3 < float(inked[:, 0].float().mean()) < 0.7


def test_a_share_of_the_images_gets_a_neighbour() -> None:
    torch.manual_seed(0)
    images = bars(400, 12, 16)
    found = add_neighbours(images, bars(400, 4, 24), 0.25)

    changed = (found != images).any((1, 2, 3)).float().mean()
    assert 0.15 < float(changed) < 0.35
    assert (found >= images).all()
