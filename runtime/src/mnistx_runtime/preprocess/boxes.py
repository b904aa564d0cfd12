"""Finds the printed boxes and the places of combs that digits are written into, and those that are empty."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mnistx_runtime.preprocess.rulings import Lines, Ruling
from mnistx_runtime.preprocess.segmentation import Patch

_NARROWEST = 0.6  # of a box, in heights of a digit
_WIDEST = 3.5  # likewise
_MEET = 0.4  # between the end of a box's side and its foot, likewise
_ABOVE = 0.5  # a digit's middle above or below its box, likewise
_ALIKE = 0.2  # share that boxes of one form differ in width


class Cell(NamedTuple):
    """A place for one digit, in pixels.

    Args:
        left: column of its left side.
        top: row of its top; of a comb, of what is as high as a digit.
        right: column of its right side.
        bottom: row of its foot.
    """

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        """In pixels."""
        return self.right - self.left

    def holds(self, patch: Patch, tall: float) -> bool:
        """Whether the middle of some ink is in it, or a little above or below."""
        x, y = patch.left + patch.mask.shape[1] / 2, patch.top + patch.mask.shape[0] / 2
        return self.left <= x <= self.right and self.top - _ABOVE * tall <= y <= self.bottom + _ABOVE * tall

    def as_patch(self) -> Patch:
        """A patch of its size, with no ink."""
        size = max(1, self.bottom - self.top), max(1, self.width)
        return Patch(np.zeros(size, np.float32), np.ones(size, np.bool_), max(0, self.top), max(0, self.left))


def find_cells(printed: Lines, digits: Sequence[Patch], tall: float) -> list[Cell]:
    """The boxes and the places of combs, from left to right, that are as wide as those with a digit in them.

    Args:
        printed: the printed lines.
        digits: ink that may be digits.
        tall: height of a digit, in pixels.
    """
    found = sorted(_places(printed, tall), key=lambda cell: cell.width)
    held = [next((cell for cell in found if cell.holds(digit, tall)), None) for digit in digits]
    widths = [cell.width for cell in held if cell is not None]
    if not widths:
        return []
    typical = float(np.median(widths))
    cells: list[Cell] = []
    for cell in sorted(found, key=lambda cell: abs(cell.width - typical)):
        if abs(cell.width - typical) <= _ALIKE * typical and not any(_overlap(cell, other) for other in cells):
            cells.append(cell)
    return sorted(cells, key=lambda cell: cell.left)


def _overlap(one: Cell, two: Cell) -> bool:
    level = min(one.bottom, two.bottom) - max(one.top, two.top)
    return level > 0 and min(one.right, two.right) - max(one.left, two.left) > 0.1 * one.width


def _places(printed: Lines, tall: float) -> list[Cell]:
    """Between all lines that stand side by side on the same foot, as far apart as the sides of a box are."""
    level, upright = printed
    cells = []
    for left in upright:
        for right in upright:
            west, east = left.at(left.end), right.at(right.end)
            if not (_NARROWEST * tall <= east - west <= _WIDEST * tall and abs(right.end - left.end) <= _MEET * tall):
                continue
            bottom = (left.end + right.end) / 2
            middle = (west + east) / 2
            if any(_reaches(line, west, east) and abs(line.at(middle) - bottom) <= _MEET * tall for line in level):
                top = min(left.start, right.start, round(bottom - tall))
                cells.append(Cell(round(west), top, round(east), round(bottom)))
    return cells


def _reaches(line: Ruling, west: float, east: float) -> bool:
    """Whether a level line goes from one side of a box to the other."""
    slack = 0.15 * (east - west) + line.thickness
    return line.start <= west + slack and line.end >= east - slack
