"""Images of ink that is no digit: digits side by side, pieces of digits as wrong cuts leave them, scribbles, blots, and
pieces of printed boxes.

Images are float `(N, 1, 28, 28)`, 0..1, bright ink on black, in the 20x20 box in the middle. Chance comes from torch's
global generator.
"""

import torch
from torch import Tensor
from torch.nn.functional import interpolate, pad

from mnistx_train.augmentation.pen import draw
from mnistx_train.augmentation.transforms import SIDE, between

_MARGIN = 4  # pixels around MNIST's box
_BOX = SIDE - 2 * _MARGIN
_POINTS = 12  # of a scribble


def side_by_side(left: Tensor, right: Tensor) -> Tensor:
    """Two digits that touch or overlap, scaled into the box of one.

    Args:
        left: `(N, 1, 28, 28)`.
        right: likewise.

    >>> ones = torch.zeros(1, 1, 28, 28)
    >>> ones[..., 4:24, 14] = 1
    >>> both = side_by_side(ones, ones)
    >>> both.shape, bool((both[..., :14].sum() > 0) & (both[..., 14:].sum() > 0))
    (torch.Size([1, 1, 28, 28]), True)
    """
    boxes = [each[..., _MARGIN:-_MARGIN] for each in (left, right)]
    overlap = int(torch.randint(7, ()))
    gap = _BOX - overlap
    both = torch.maximum(pad(boxes[0], (0, gap)), pad(boxes[1], (gap, 0)))
    height = round(SIDE * _BOX / both.shape[-1])
    small = interpolate(both, (height, _BOX), mode="area")
    above = (SIDE - height) // 2
    bright = 1.4  # averaging makes thin strokes faint
    return (pad(small, (_MARGIN, _MARGIN, above, SIDE - height - above)) * bright).clamp(0, 1)


def straddling(left: Tensor, right: Tensor) -> Tensor:
    """The right side of one digit and the left side of another, where they touch: what lies between two wrong cuts.

    Args:
        left: `(N, 1, 28, 28)`.
        right: likewise.

    >>> rings = torch.zeros(1, 1, 28, 28)
    >>> rings[..., 4:24, [8, 19]] = 1
    >>> columns = straddling(rings, rings)[0, 0, 14].nonzero()[:, 0]  # one's right side, the other's left
    >>> int(columns[-1] - columns[0]) <= 1
    True
    """
    sides = torch.randint(5, 12, (2,)).tolist()  # columns of each
    seen = [
        _move(left, SIDE - 1 - _extent(left)[1])[..., -sides[0] :],
        _move(right, -_extent(right)[0])[..., : sides[1]],
    ]
    overlap = int(torch.randint(2, ()))
    room = SIDE - sum(sides) + overlap
    before = room // 2
    one = pad(seen[0], (before, SIDE - before - sides[0]))
    other = pad(seen[1], (SIDE - (room - before) - sides[1], room - before))
    return torch.maximum(one, other)


def halves(images: Tensor) -> Tensor:
    """A side of each digit, a fifth to two fifths of its width, cut from top to bottom.

    Args:
        images: `(N, 1, 28, 28)` of digits that aren't 1, whose half is one.
    """
    count, (first, last) = len(images), _extent(images)
    is_left = torch.rand(count) < 0.5
    share = between(0.2, 0.4, count)
    cut = first + (last - first) * torch.where(is_left, share, 1 - share)
    column = torch.arange(SIDE).expand(count, SIDE)
    kept = (column < cut[:, None]) == is_left[:, None]
    middle = torch.where(is_left, first + cut, cut + last) / 2
    return _move(images * kept[:, None, None], (SIDE / 2 - middle).round().long())


def _extent(images: Tensor) -> tuple[Tensor, Tensor]:
    """The first and the last column of each image's ink, both `(N,)`."""
    inked = (images > 0.3).any(2)[:, 0].int()
    return inked.argmax(1), SIDE - 1 - inked.flip(1).argmax(1)


def _move(images: Tensor, right: Tensor) -> Tensor:
    """Each image moved by so many columns; what leaves it is lost."""
    place = torch.arange(SIDE) - right[:, None]
    inside = (place >= 0) & (place < SIDE)
    moved = images.gather(3, place.clamp(0, SIDE - 1)[:, None, None].expand_as(images))
    return moved * inside[:, None, None]


def scribbles(count: int) -> Tensor:
    """Strokes to and fro, half of them at random places, half of them each near the last."""
    near = SIDE / 2 + 0.4 * (torch.randn(count, _POINTS, 2) * between(2, 8, count, 1, 1)).cumsum(1)
    anywhere = between(_MARGIN, SIDE - _MARGIN, count, _POINTS, 2)
    path = torch.where(torch.rand(count, 1, 1) < 0.5, near, anywhere).clamp(_MARGIN - 1, SIDE - _MARGIN + 1)
    pen = torch.rand(count, _POINTS - 1) < between(0.4, 1, count, 1)
    pen[:, :3] = True
    return draw(path, pen, between(1.2, 4, count))


def blots(count: int) -> Tensor:
    """Smooth light and dark, as a landscape's, sharp or soft."""
    knots = int(torch.randint(3, 9, ()))
    smooth = interpolate(torch.randn(count, 1, knots, knots), (_BOX, _BOX), mode="bicubic")
    level, slope = between(-0.3, 0.8, count, 1, 1, 1), between(0.7, 6, count, 1, 1, 1)
    return pad(((smooth - level) * slope).clamp(0, 1), (_MARGIN,) * 4)


def boxes(count: int) -> Tensor:
    """Printed boxes, some with a side missing."""
    left, top = between(3, 7, 2, count)
    right, bottom = between(21, 25, 2, count)
    corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    path = torch.stack([torch.stack(corner, 1) for corner in corners], 1)
    missing = torch.randint(8, (count, 1))
    return draw(path, torch.arange(4) != missing, between(1.5, 3, count))


def add_neighbours(images: Tensor, others: Tensor, share: float) -> Tensor:
    """Some images with a piece of another digit at their left or right edge, as where one is cut out of a row.

    Args:
        images: `(N, 1, 28, 28)`.
        others: likewise, whose sides are seen.
        share: of the images that get one.
    """
    count = len(images)
    width = torch.randint(3, 8, (count, 1, 1, 1))  # columns of the neighbour, from the edge
    column = torch.arange(SIDE).view(1, 1, 1, -1)
    left = torch.rand(count, 1, 1, 1) < 0.5
    shift = _BOX + _MARGIN - width  # brings the neighbour's box to `width` columns inside the edge
    place = torch.where(left, column + shift, column - shift)
    inside = (place >= 0) & (place < SIDE) & (torch.rand(count, 1, 1, 1) < share)
    seen = others.gather(3, place.clamp(0, SIDE - 1).expand_as(images))
    return torch.maximum(images, seen * inside)
