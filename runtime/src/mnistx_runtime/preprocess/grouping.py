"""Which pieces of ink make up each digit in a picture of many. All distances are in heights of a digit."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnistx_runtime.errors import PredictionRefused
from mnistx_runtime.preprocess.segmentation import Segmentation

_TALL = 0.4  # what is lower is a part of a digit, or dirt
_LOW = 0.65  # what is lower may be one of two strokes side by side, as of a four
_COMMA = 0.85  # what is lower, and goes below the digits' feet, may be a comma
_WIDE_COMMA = 0.7  # one that slants and goes far below
_CLOSE = 0.2  # what is farther apart belongs to two digits
_LARGEST = 1.35  # height and width
_WIDEST = 0.9  # of a digit of two strokes side by side
_HOLLOW = 0.12  # share of its box that a frame's ink is at most
_MOST = 1200  # digits in a picture; a page of small ones has fewer
_MOST_CRUMBS = 4 * _MOST

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


class _Groups:
    """Groups that grow, and how far each is from another, at once."""

    def __init__(self, groups: Iterable[_Group] = ()) -> None:
        self.all = list(groups)
        self._boxes = np.array([group.box for group in self.all], np.int64).reshape(-1, 4)

    def gaps(self, other: _Group) -> NDArray[np.int64]:
        """Pixels between each box and the other, along the side where they are farther apart, 0 where they meet."""
        top, left, bottom, right = self._boxes[: len(self.all)].T
        up, west, down, east = other.box
        apart: NDArray[np.int64] = np.maximum.reduce([up - bottom, top - down, west - right, left - east])
        return np.maximum(apart, 0)

    def put(self, k: int, group: _Group) -> None:
        """Replace one, or add it at the end."""
        self.all[k : k + 1] = [group]
        if k == len(self._boxes):
            self._boxes = np.concatenate([self._boxes, np.zeros((k + 8, 4), np.int64)])
        self._boxes[k] = group.box


def digit_height(found: Segmentation) -> float:
    """Of most digits, in pixels: the median of the pieces' heights, each counted by its ink.

    Raises:
        PredictionRefused: there is no ink.
    """
    if found.is_empty:
        raise PredictionRefused("no ink found: nothing stands out from the ground")
    boxes = found.pieces.boxes
    heights = boxes[:, 2] - boxes[:, 0]
    weight = np.where(_frames(found, heights >= 0.1 * heights.max()), 0, found.weight)
    weight = weight if weight.any() else found.weight
    order = np.argsort(heights, kind="stable")
    below = np.cumsum(weight[order])
    return float(heights[order][np.searchsorted(below, below[-1] / 2)])


def group_pieces(
    found: Segmentation, tall: float, delimited: bool = True
) -> tuple[list[list[int]], list[tuple[int, str]]]:
    """The pieces of each digit: a tall one and the small ones near it, two strokes, or crumbs that are tall together;
    and the pieces that stand between digits, as "." or "," or "-".

    Args:
        found: the ink.
        tall: height of a digit, in pixels.
        delimited: there may be points, commas and dashes between the digits; there are none in boxes.

    Raises:
        PredictionRefused: nothing is as tall as a digit.
    """
    boxes = found.pieces.boxes
    height, width = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    bars = (height > 1.8 * tall) & (width < 0.25 * tall)
    large = np.asarray((height >= _TALL * tall) & (found.weight > 0) & ~bars, bool)
    large &= ~_frames(found, large)
    if not large.any():
        raise PredictionRefused("no digit found: no ink is as tall as a digit")
    typical = float(np.median(found.weight[large]))
    _require_at_most(_MOST, int(large.sum()))
    small = (height < _TALL * tall) & (width < 1.1 * tall) & (found.weight >= 0.02 * typical)
    _require_at_most(_MOST_CRUMBS, int(small.sum()))
    marks = _delimiters(boxes, large, found.weight >= 0.02 * typical, tall) if delimited else []
    for piece, _ in marks:
        large[piece] = small[piece] = False
    groups, crumbs = _Groups(_group(boxes, i) for i in np.flatnonzero(large).tolist()), _Groups()
    for i in sorted(np.flatnonzero(small).tolist(), key=lambda i: -found.weight[i]):
        crumb = _group(boxes, i)
        if not (_add_crumb(crumb, groups, tall) or _add_crumb(crumb, crumbs, tall)):
            crumbs.put(len(crumbs.all), crumb)
    for crumb in crumbs.all:
        if crumb.height >= _TALL * tall and found.weight[list(crumb.pieces)].sum() >= 0.1 * typical:
            groups.put(len(groups.all), crumb)
    return [list(group.pieces) for group in _join_strokes(groups.all, tall)], marks


def _delimiters(boxes: Boxes, large: NDArray[np.bool_], heavy: NDArray[np.bool_], tall: float) -> list[tuple[int, str]]:
    """What stands beside the digits: points and commas at their feet, dashes at half their height."""
    top, left, bottom, right = boxes.T
    height, width = bottom - top, right - left
    low = (height <= _COMMA * tall) & (width <= tall) & heavy
    digits = np.flatnonzero(large & (height >= _LOW * tall))
    if not len(digits):
        return []
    marks = []
    others = np.flatnonzero(low & ~large)
    for piece in np.flatnonzero(low).tolist():
        if _stands_under_others(boxes, others[others != piece], piece, tall):
            continue
        apart = np.maximum(np.maximum(left[digits] - right[piece], left[piece] - right[digits]), 0)
        apart += np.maximum(np.maximum(top[digits] - bottom[piece], top[piece] - bottom[digits]), 0)
        apart[digits == piece] = 10 * tall
        nearest = digits[int(apart.argmin())]
        if apart.min() > 1.5 * tall:
            continue
        beside = np.minimum(right[digits], right[piece]) - np.maximum(left[digits], left[piece])
        level = np.minimum(bottom[digits], bottom[piece]) - np.maximum(top[digits], top[piece])
        if ((beside > 0.5 * width[piece]) & (level > -0.5 * tall) & (digits != piece)).any():
            continue
        foot, head = int(bottom[nearest]), int(top[nearest])
        if height[piece] > _LOW * tall and bottom[piece] - foot < 0.15 * tall:
            continue
        middle = ((top[piece] + bottom[piece]) / 2 - head) / (foot - head)
        start, deep = (top[piece] - head) / (foot - head), (bottom[piece] - foot) / tall
        widest = _WIDE_COMMA if deep > 0.2 and start >= 0.5 else 0.4
        if 0.72 <= middle <= 1.3 and width[piece] <= widest * tall and start >= 0.4:
            below = deep > 0.1 or height[piece] > 0.3 * tall
            marks.append((piece, "," if below else "."))
        elif 0.25 <= middle <= 0.75 and height[piece] <= 0.3 * tall and width[piece] >= 1.5 * height[piece]:
            marks.append((piece, "-"))
    return marks


def _stands_under_others(boxes: Boxes, others: NDArray[np.int64], piece: int, tall: float) -> bool:
    """Whether other small pieces lie above or below one, as those of a broken digit do."""
    top, left, bottom, right = boxes[piece]
    beside = np.minimum(boxes[others, 3], right) - np.maximum(boxes[others, 1], left) > -_CLOSE / 2 * tall
    level = np.minimum(boxes[others, 2], bottom) - np.maximum(boxes[others, 0], top) > -tall
    return bool((beside & level).any())


def _require_at_most(most: int, pieces: int) -> None:
    if pieces > most:
        raise PredictionRefused(
            f"{pieces:,} pieces of ink found that could be of digits, more than {most:,}: cut out the part to be read"
        )


def _frames(found: Segmentation, counted: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which pieces are hollow and hold one of the counted ones; digits that touch fill more of their box."""
    boxes = found.pieces.boxes
    hollow = found.pieces.areas < _HOLLOW * (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return hollow & _enclosing(boxes, counted)


def _enclosing(boxes: Boxes, counted: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which boxes hold one of the counted ones, as a printed frame holds the digits written into it. Of more than can
    be digits, the largest are looked at.
    """
    by_size = np.argsort(-np.ptp(boxes.reshape(-1, 2, 2), axis=1).sum(1), kind="stable")
    outer = by_size[: 2 * _MOST]
    top, left, bottom, right = boxes[outer].T
    enclosing = np.zeros(len(outer), bool)
    for up, west, down, east in boxes[by_size[counted[by_size]][: 2 * _MOST]]:
        enclosing |= (top < up) & (left < west) & (bottom > down) & (right > east)
    found = np.zeros(len(boxes), bool)
    found[outer] = enclosing
    return found


def _group(boxes: Boxes, piece: int) -> _Group:
    top, left, bottom, right = (int(side) for side in boxes[piece])
    return _Group((piece,), (top, left, bottom, right))


def _add_crumb(crumb: _Group, groups: _Groups, tall: float) -> bool:
    """Whether the crumb now is in the group nearest to it: it is close, and both are no larger than one digit is."""
    if not groups.all:
        return False
    gaps = groups.gaps(crumb)
    nearest = int(gaps.argmin())
    both = groups.all[nearest] + crumb
    if gaps[nearest] > _CLOSE * tall or max(both.height, both.width) > _LARGEST * tall:
        return False
    groups.put(nearest, both)
    return True


def _join_strokes(groups: list[_Group], tall: float) -> list[_Group]:
    """Groups that are strokes of one digit, put together."""
    joined = _Groups()
    for group in sorted(groups, key=lambda group: -group.height):
        close = np.flatnonzero(joined.gaps(group) <= _CLOSE * tall).tolist()
        whole = next((k for k in close if _are_one(group, joined.all[k], tall)), None)
        if whole is None:
            joined.put(len(joined.all), group)
        else:
            joined.put(whole, joined.all[whole] + group)
    return joined.all


def _are_one(one: _Group, two: _Group, tall: float) -> bool:
    """Of two that are close: one above the other as a five and its bar are, or a low one beside another as the strokes
    of a four are.
    """
    both = one + two
    shared = min(one.box[3], two.box[3]) - max(one.box[1], two.box[1])
    stacked = shared >= 0.5 * min(one.width, two.width)
    low = min(one.height, two.height) < _LOW * tall
    return both.height <= _LARGEST * tall and (stacked or (low and both.width <= _WIDEST * tall))
