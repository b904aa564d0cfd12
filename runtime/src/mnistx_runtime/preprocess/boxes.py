"""Finds the printed boxes that nothing is written into."""

from collections.abc import Sequence

import numpy as np

from mnistx_runtime.preprocess.rulings import Lines, Ruling
from mnistx_runtime.preprocess.segmentation import Patch

_NARROWEST = 0.6  # of a box, in heights of a digit
_WIDEST = 3.0  # likewise
_MEET = 0.4  # between the end of a box's side and its foot, likewise


def empty_boxes(printed: Lines, lines: Sequence[Sequence[Patch]], tall: float) -> list[Patch]:
    """The boxes and the places of a comb without a digit in them, as patches of their size with no ink.

    Args:
        printed: the printed lines.
        lines: the digits.
        tall: height of a digit, in pixels.
    """
    level, upright = printed
    middles = [(d.left + d.mask.shape[1] / 2, d.top + d.mask.shape[0] / 2) for line in lines for d in line]
    found = []
    for left, right in _sides(upright, tall):
        x = (left.at(left.end) + right.at(right.end)) / 2
        west, east = round(left.at(left.end)), round(right.at(right.end))
        bottom = round((left.end + right.end) / 2)
        top = min(left.start, right.start, round(bottom - tall))
        if not any(_reaches(line, west, east) and abs(line.at(x) - bottom) <= _MEET * tall for line in level):
            continue
        if not any(west <= column <= east and top - tall / 2 <= row <= bottom + tall / 2 for column, row in middles):
            size = max(1, bottom - top), max(1, east - west)
            found.append(Patch(np.zeros(size, np.float32), np.ones(size, np.bool_), max(0, top), max(0, west)))
    return found


def _sides(upright: list[Ruling], tall: float) -> list[tuple[Ruling, Ruling]]:
    """Lines that stand side by side on the same foot, as far apart as the sides of a box are."""
    pairs = []
    for left in upright:
        beside = [
            (right.at(right.end) - left.at(left.end), right)
            for right in upright
            if abs(right.end - left.end) <= _MEET * tall and right.at(right.end) > left.at(left.end) + _MEET * tall
        ]
        if beside:
            gap, right = min(beside, key=lambda each: each[0])
            if _NARROWEST * tall <= gap <= _WIDEST * tall:
                pairs.append((left, right))
    return pairs


def _reaches(line: Ruling, west: int, east: int) -> bool:
    """Whether a level line goes from one side of a box to the other."""
    slack = 0.15 * (east - west) + line.thickness
    return line.start <= west + slack and line.end >= east - slack
