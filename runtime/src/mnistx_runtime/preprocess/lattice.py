"""The ways in which the ink of a line may be digits, which compete for the model's answers.

What hangs together is cut wherever digits may touch, and what lies close together may be strokes of one digit. All
parts of it that can be a digit are prepared, each with the places on the line that it takes; the chain of those whose
answers are most probable together is what the line says (over-segmentation and a shortest path; see Casey and
Lecolinet 1996, "A survey of methods and strategies in character segmentation").
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from mnistx_runtime.preprocess import Prepared
from mnistx_runtime.preprocess.cutting import Cut, find_cuts, part_between
from mnistx_runtime.preprocess.mnist_image import BOX, image_from_patch, stroke_width
from mnistx_runtime.preprocess.plausibility import judge
from mnistx_runtime.preprocess.segmentation import Patch, Segmentation

_WIDEST = 1.3  # heights of a digit: of a part, unless it can't be cut
_CUT = 8.0  # penalty for a digit's height of ink that is cut through
_TOO_WIDE = 6.0  # for each height that a part is wider than one
_TOO_LOW = 8.0  # for each height that a part is lower than `_LOW`
_LOW = 0.7
_REJECTED = 3.0  # for what can't be a digit
_JOINED = 1.0  # for what doesn't hang together
_SHARING = 0.3  # penalty for such a side
_CRUMB = 0.35  # of the ink of a typical digit: less may be none
_LEFT_OUT = 6.0  # penalty for a typical digit's ink that is left out
_WIDE_ONE = 1.3  # heights: what is wider, may be several digits that touch
_BESIDE = 2.0  # penalty for all the ink in a box that is left out
_AS_ONE = 1.5  # penalty for each height more, as one
_CUT_OFF = 0.7  # penalty for a digit at the picture's side that could be cut
_NEIGHBOURS = 0.6  # of the ink that may be of digits beside the one
_NEIGHBOUR = 2.0  # penalty for all of it
_CLOSE = 0.1  # heights of a digit between what may be strokes of one
_MARK = 0.5  # penalty for a point, comma or dash that may be a stroke of the digit beside it
_APART = 8.0  # for it as a stroke, for each height between them
_NEAR_MARK = 0.2  # heights between them, at most


class Item(NamedTuple):
    """What hangs together on a line.

    Args:
        patch: its ink.
        mark: what it is if it is no digit; see `Prepared`.
        rivals: of all that is in a box, each piece alone; the box holds one digit.
    """

    patch: Patch
    mark: str | None = None
    rivals: tuple[Patch, ...] | None = None


class Part(NamedTuple):
    """Some of the ink, which may be a digit.

    Args:
        patch: the ink.
        span: the places on its line that it takes; see `Prepared`.
        penalty: of it, whatever it looks like.
        mark: see `Prepared`.
    """

    patch: Patch
    span: tuple[int, int] = (0, 1)
    penalty: float = 0.0
    mark: str | None = None


def prepare_parts(
    picture: Image.Image, found: Segmentation, parts: Sequence[Part], tall: float, factor: int
) -> list[Prepared]:
    """The images of parts of the ink.

    Args:
        picture: that they are in.
        found: all its ink.
        parts: of it.
        tall: height of a digit, in pixels of the ink.
        factor: the picture's pixels to one of the ink's, along a side.
    """
    images = [image_from_patch(part.patch) for part in parts]
    prepared = []
    for part, image, verdict in zip(parts, images, judge(found, [part.patch for part in parts], images), strict=True):
        patch = part.patch
        height, width = patch.mask.shape
        box = (patch.left, patch.top, patch.left + width, patch.top + height)
        left, top, right, bottom = (side * factor for side in box)
        penalty = part.penalty
        if part.mark is None:
            penalty += _TOO_WIDE * max(0.0, width / tall - 1) + _TOO_LOW * max(0.0, _LOW - height / tall)
            penalty += _REJECTED if verdict.rejection_reason else 0
        prepared.append(
            Prepared(
                picture,
                (left, top, right, bottom),
                image[None],
                patch.levels,
                *verdict,
                span=part.span,
                penalty=penalty,
                mark=part.mark,
            )
        )
    return prepared


def compete(line: Sequence[Item], tall: float, uncut: float) -> list[Part]:
    """What the ink of a line may be, with spans and penalties.

    Args:
        line: what hangs together, from left to right.
        tall: height of a digit, in pixels.
        uncut: heights of a digit: what is narrower is one.
    """
    found: list[Part] = []
    typical = float(np.median([item.patch.mask.sum() for item in line if item.mark is None]))
    at, before, last = 0, 0, None
    for item in line:
        patch = item.patch
        stroke = stroke_width(patch.mask) * max(patch.mask.shape) / BOX
        whole = item.mark is not None or item.rivals is not None or patch.mask.shape[1] < uncut * tall
        cuts = [] if whole else find_cuts(patch, tall, stroke)
        end = at + len(cuts) + 1
        penalty = None if last is None else _penalty_of_joining(last, item, tall)
        if last is not None and penalty is not None:
            found.append(Part(join(last.patch, patch), (before, end), penalty))
        if item.mark is not None:
            found.append(Part(patch, (at, end), _MARK, item.mark))
        elif item.rivals is not None:
            found.append(Part(patch, (at, end)))
            for rival in item.rivals:
                left_out = 1 - float(rival.mask.sum() / patch.mask.sum())
                found.append(Part(rival, (at, end), _BESIDE * left_out))
        else:
            for first, past, cost, part in _parts(patch, cuts, tall, round(stroke)):
                found.append(Part(part, (at + first, at + past), cost))
            share = float(patch.mask.sum()) / typical
            if share < _CRUMB:
                found.append(Part(patch, (at, end), _LEFT_OUT * share, ""))
        before, at, last = at, end, item
    return found


def compete_as_one(digit: Patch, shape: tuple[int, ...]) -> list[Part]:
    """What a picture's one digit may be: the ink that was found; what is left of it without neighbours that come in
    from the picture's sides; or, where it is wide, several digits that touch.

    Args:
        digit: the ink.
        shape: height and width of the picture that it is in.
    """
    tall, width = digit.mask.shape
    cut_off = digit.left == 0, digit.left + width == shape[1]
    wide = width > _WIDE_ONE * tall
    if not any(cut_off) and not wide:
        return [Part(digit)]
    stroke = stroke_width(digit.mask) * max(digit.mask.shape) / BOX
    cuts = find_cuts(digit, tall, stroke)
    if wide:
        parts = [Part(part, (start, end), cost) for start, end, cost, part in _parts(digit, cuts, tall, round(stroke))]
        penalty = _AS_ONE * (width / tall - _WIDE_ONE) - _TOO_WIDE * (width / tall - 1)
        return [Part(digit, (0, len(cuts) + 1), penalty), *parts]
    found = [Part(digit, penalty=_CUT_OFF if cuts else 0.0)]
    for left in [None, *(cuts if cut_off[0] else [])]:
        for right in [*(cuts if cut_off[1] else []), None]:
            if left is right or (left is not None and right is not None and left.column >= right.column):
                continue
            part = part_between(digit, left, right)
            share = 1 - float(part.mask.sum() / digit.mask.sum())
            if share <= _NEIGHBOURS and part.mask.shape[0] >= _LOW * tall:
                penalty = _CUT / 2 * sum(cut.ink for cut in (left, right) if cut is not None) + _NEIGHBOUR * share
                found.append(Part(part, penalty=penalty))
    return found


def _parts(patch: Patch, cuts: list[Cut], tall: float, stroke: int) -> Iterator[tuple[int, int, float, Patch]]:
    """The parts of what hangs together that may be digits: the places that each takes, its penalty, its ink."""
    if not cuts:
        yield 0, 1, 0.0, patch
        return
    places: list[Cut | None] = [None, *cuts, None]
    for start, left in enumerate(places[:-1]):
        for end, right in enumerate(places[start + 1 :], start + 1):
            part = part_between(patch, left, right)
            if end > start + 1 and part.mask.shape[1] > _WIDEST * tall:
                break
            penalty = _CUT / 2 * sum(cut.ink for cut in (left, right) if cut is not None)
            yield start, end, penalty, part
            shared = [stroke if cut is not None and cut.shares else 0 for cut in (left, right)]
            for wider in {(shared[0], 0), (0, shared[1]), (shared[0], shared[1])} - {(0, 0)}:
                yield start, end, penalty + _SHARING, part_between(patch, left, right, wider)


def _penalty_of_joining(left: Item, right: Item, tall: float) -> float | None:
    """Penalty for what stands side by side as one digit; None where it can't be one."""
    one, two = left.patch, right.patch
    end, foot = one.left + one.mask.shape[1], one.top + one.mask.shape[0]
    width = max(end, two.left + two.mask.shape[1]) - min(one.left, two.left)
    if left.rivals is not None or right.rivals is not None:
        return None
    if left.mark is None and right.mark is None:
        return _JOINED if two.left - end <= _CLOSE * tall and width <= tall else None
    if "_" in (left.mark, right.mark) or (left.mark and right.mark):
        return None
    gap = max(two.left - end, two.top - foot, one.top - two.top - two.mask.shape[0], 0) / tall
    return _APART * gap if gap <= _NEAR_MARK and width <= _WIDEST * tall else None


def join(one: Patch, two: Patch) -> Patch:
    """The ink of both."""
    top, left = min(one.top, two.top), min(one.left, two.left)
    bottom = max(one.top + one.mask.shape[0], two.top + two.mask.shape[0])
    right = max(one.left + one.mask.shape[1], two.left + two.mask.shape[1])
    levels, mask = np.zeros((bottom - top, right - left), np.float32), np.zeros((bottom - top, right - left), np.bool_)
    for each in (one, two):
        height, width = each.mask.shape
        box = np.s_[each.top - top : each.top - top + height, each.left - left : each.left - left + width]
        levels[box] = np.maximum(levels[box], each.levels)
        mask[box] |= each.mask
    return Patch(levels, mask, top, left)
