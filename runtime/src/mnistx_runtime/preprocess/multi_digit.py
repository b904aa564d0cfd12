"""Finds all the digits in a picture, and the order in which they are read."""

import numpy as np
from PIL import Image

from mnistx_runtime.preprocess import Prepared
from mnistx_runtime.preprocess.grouping import digit_height, group_pieces
from mnistx_runtime.preprocess.ink import channels_of, ink_of, turn_upright
from mnistx_runtime.preprocess.mnist_image import image_from_patch
from mnistx_runtime.preprocess.plausibility import rejection_reason
from mnistx_runtime.preprocess.segmentation import Patch, Segmentation, segment

_HEIGHT = 64  # working pixels of a digit, where the picture has as many
_LARGEST = 2048  # working pixels of the longer side
_ROOM = 1.5  # a digit's room, in heights of a digit


def prepare_digits(picture: Image.Image) -> list[list[Prepared]]:
    """What `prepare_digit` does, for each digit in a picture.

    Args:
        picture: any mode and size; all ink darker or all lighter than its ground, digits of about one height, in lines.

    Returns:
        The lines from top to bottom, each from left to right.

    Raises:
        PredictionRefused: there's no ink on it, or none as tall as a digit.
    """
    picture = turn_upright(picture)
    channels, factor = channels_of(picture)
    found = segment(ink_of(channels))
    tall = digit_height(found) * factor
    side = min(_LARGEST, round(max(picture.size) * min(1.0, _HEIGHT / tall)) + 1)
    channels, factor = channels_of(picture, side)
    room = min(tall * _ROOM / factor, *channels.shape[1:])
    found = segment(ink_of(channels, room), room)
    tall = digit_height(found)
    digits = [digit for group in group_pieces(found, tall) for digit in _split_touching(found.patch(group), tall)]
    return [[_prepare_digit(picture, found, digit, factor) for digit in line] for line in _lines(digits)]


def _prepare_digit(picture: Image.Image, found: Segmentation, digit: Patch, factor: int) -> Prepared:
    image = image_from_patch(digit)
    height, width = digit.mask.shape
    box = (digit.left, digit.top, digit.left + width, digit.top + height)
    left, top, right, bottom = (side * factor for side in box)
    reason = rejection_reason(found, digit, image)
    return Prepared(picture, (left, top, right, bottom), image[None], digit.levels, reason)


def _split_touching(digit: Patch, tall: float) -> list[Patch]:
    """Digits that touch, cut where the least ink is crossed; one digit stays whole, and so does what has a low part."""
    height, width = digit.mask.shape
    tall = max(height, tall)
    count = round(width / tall / 0.75)
    if width <= 1.25 * tall or count < 2:
        return [digit]
    profile = digit.mask.sum(0)
    slack = round(width / count / 3)
    cuts = [0]
    for k in range(1, count):
        middle = round(width * k / count)
        cuts.append(middle - slack + int(profile[middle - slack : middle + slack + 1].argmin()))
    columns = list(zip(cuts, [*cuts[1:], width], strict=True))
    if not all(digit.mask[:, left:right].any() for left, right in columns):  # low and wide: the cuts meet
        return [digit]
    parts = [_crop_columns(digit, left, right) for left, right in columns]
    return parts if all(part.mask.shape[0] >= 0.6 * tall for part in parts) else [digit]


def _crop_columns(digit: Patch, left: int, right: int) -> Patch:
    """The part between two columns, in its own smallest box."""
    rows = np.flatnonzero(digit.mask[:, left:right].any(1))
    part = np.s_[rows[0] : rows[-1] + 1, left:right]
    return digit._replace(
        levels=digit.levels[part],
        mask=digit.mask[part],
        top=digit.top + int(rows[0]),
        left=digit.left + left,
    )


def _lines(digits: list[Patch]) -> list[list[Patch]]:
    """Digits in reading order. From left to right, each goes on the line whose last digit it overlaps most in height,
    so that a line may climb or sink.
    """
    lines: list[list[Patch]] = []
    ends = np.empty((len(digits), 2))  # top and bottom of each line's last digit
    for digit in sorted(digits, key=lambda digit: digit.left):
        top, bottom = digit.top, digit.top + digit.mask.shape[0]
        above, below = ends[: len(lines)].T
        shared = np.minimum(below, bottom) - np.maximum(above, top)
        overlaps = shared / np.minimum(below - above, bottom - top)
        best = int(np.argmax(overlaps)) if lines else 0
        if not lines or overlaps[best] < 0.4:
            best = len(lines)
            lines.append([])
        lines[best].append(digit)
        ends[best] = top, bottom
    return sorted(lines, key=lambda line: float(np.mean([digit.top + digit.mask.shape[0] / 2 for digit in line])))
