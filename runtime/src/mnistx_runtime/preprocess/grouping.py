"""Which pieces of ink make up each digit in a picture of many. All distances are in heights of a digit."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnistx_runtime.errors import PredictionRefused
from mnistx_runtime.preprocess.segmentation import Segmentation

_TALL = 0.4  # what is lower is a part of a digit, or dirt
_LOW = 0.65  # what is lower may be one of two strokes side by side, as of a four
_CLOSE = 0.2  # what is farther apart belongs to two digits
_LARGEST = 1.35  # height and width
_WIDEST = 0.9  # of a digit of two strokes side by side

Boxes = NDArray[np.int64]


@dataclass(frozen=True)
class _Group:
    """Pieces that belong together.

    Args:
        pieces: their indices.
        box: top, left, bottom, right around all of them.
    """

    pieces: tuple[int, ...]
    box: tuple[int, int, int, int]

    @property
    def height(self) -> int:
        return self.box[2] - self.box[0]

    @property
    def width(self) -> int:
        return self.box[3] - self.box[1]

    def __add__(self, other: "_Group") -> "_Group":
        (top, left, bottom, right), (up, west, down, east) = self.box, other.box
        box = min(top, up), min(left, west), max(bottom, down), max(right, east)
        return _Group(self.pieces + other.pieces, box)

    def gap(self, other: "_Group") -> int:
        """Pixels between the two boxes, along the side where they are farther apart."""
        (top, left, bottom, right), (up, west, down, east) = self.box, other.box
        return max(up - bottom, top - down, west - right, left - east, 0)


def digit_height(found: Segmentation) -> float:
    """Of most digits, in pixels: the median of the pieces' heights, each counted by its ink.

    Raises:
        PredictionRefused: there is no ink.
    """
    if found.is_empty:
        raise PredictionRefused("no ink found: nothing stands out from the ground")
    boxes = found.pieces.boxes
    heights = boxes[:, 2] - boxes[:, 0]
    weight = np.where(_enclosing(boxes, heights >= 0.1 * heights.max()), 0, found.weight)
    weight = weight if weight.any() else found.weight
    order = np.argsort(heights, kind="stable")
    below = np.cumsum(weight[order])
    return float(heights[order][np.searchsorted(below, below[-1] / 2)])


def group_pieces(found: Segmentation, tall: float) -> list[list[int]]:
    """The pieces of each digit: a tall one and the small ones near it, two strokes, or crumbs that are tall together.

    Args:
        found: the ink.
        tall: height of a digit, in pixels.

    Raises:
        PredictionRefused: nothing is as tall as a digit.
    """
    boxes = found.pieces.boxes
    height, width = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    bars = (height > 1.8 * tall) & (width < 0.25 * tall)
    large = np.asarray((height >= _TALL * tall) & (found.weight > 0) & ~bars, bool)
    large &= ~_enclosing(boxes, large)
    if not large.any():
        raise PredictionRefused("no digit found: no ink is as tall as a digit")
    typical = float(np.median(found.weight[large]))
    small = (height < _TALL * tall) & (width < 1.1 * tall) & (found.weight >= 0.02 * typical)
    groups, crumbs = [_group(boxes, i) for i in np.flatnonzero(large).tolist()], list[_Group]()
    for i in sorted(np.flatnonzero(small).tolist(), key=lambda i: -found.weight[i]):
        crumb = _group(boxes, i)
        if not (_add_crumb(crumb, groups, tall) or _add_crumb(crumb, crumbs, tall)):
            crumbs.append(crumb)
    for crumb in crumbs:
        if crumb.height >= _TALL * tall and found.weight[list(crumb.pieces)].sum() >= 0.1 * typical:
            groups.append(crumb)
    return [list(group.pieces) for group in _join_strokes(groups, tall)]


def _enclosing(boxes: Boxes, counted: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which boxes hold one of the counted ones, as a printed frame holds the digits written into it."""
    inner = boxes[counted]
    found = np.zeros(len(boxes), bool)
    for top, left, bottom, right in inner:
        around = (boxes[:, 0] < top) & (boxes[:, 1] < left) & (boxes[:, 2] > bottom) & (boxes[:, 3] > right)
        found |= np.asarray(around, bool)
    return found


def _group(boxes: Boxes, piece: int) -> _Group:
    top, left, bottom, right = (int(side) for side in boxes[piece])
    return _Group((piece,), (top, left, bottom, right))


def _add_crumb(crumb: _Group, groups: list[_Group], tall: float) -> bool:
    """Whether the crumb now is in the group nearest to it: it is close, and both are no larger than one digit is."""
    if not groups:
        return False
    nearest = min(range(len(groups)), key=lambda k: groups[k].gap(crumb))
    both = groups[nearest] + crumb
    if groups[nearest].gap(crumb) > _CLOSE * tall or max(both.height, both.width) > _LARGEST * tall:
        return False
    groups[nearest] = both
    return True


def _join_strokes(groups: list[_Group], tall: float) -> list[_Group]:
    """Groups that are strokes of one digit, put together."""
    joined: list[_Group] = []
    for group in sorted(groups, key=lambda group: -group.height):
        whole = next((k for k, other in enumerate(joined) if _are_one(group, other, tall)), None)
        if whole is None:
            joined.append(group)
        else:
            joined[whole] += group
    return joined


def _are_one(one: _Group, two: _Group, tall: float) -> bool:
    """One above the other as a five and its bar are, or a low one close beside another as the strokes of a four are."""
    if one.gap(two) > _CLOSE * tall:
        return False
    both = one + two
    shared = min(one.box[3], two.box[3]) - max(one.box[1], two.box[1])
    stacked = shared >= 0.5 * min(one.width, two.width)
    low = min(one.height, two.height) < _LOW * tall
    return both.height <= _LARGEST * tall and (stacked or (low and both.width <= _WIDEST * tall))
