"""Finds the printed boxes and the places of combs that digits are written into, the empty ones, and their walls."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from mnistx_runtime.preprocess.rulings import Lines, Ruling
from mnistx_runtime.preprocess.segmentation import Patch, Segmentation

_NARROWEST = 0.6  # of a box, in heights of a digit
_WIDEST = 3.5  # likewise
_MEET = 0.4  # between the end of a box's side and its foot, likewise
_ABOVE = 0.5  # a digit's middle above or below its box, likewise
_ALIKE = 0.2  # share that boxes of one form differ in width
_WALL = 0.2  # heights of a wall between two boxes that it is wide, at most
_THIN = 0.04  # likewise, where no pen draws it
_WALLS = 3  # with those that are lines: fewer could be ones between two lines
_SOLID = 0.7  # share of its box that is ink


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
        return bool(self.left <= x <= self.right and self.top - _ABOVE * tall <= y <= self.bottom + _ABOVE * tall)

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


def without_walls(found: Segmentation) -> Segmentation:
    """The ink without the walls between boxes that weren't found as lines: upright bars from one level line to another,
    or from one on where they are thinner than a pen draws. There are three of them with the sides that were found.

    Args:
        found: the ink; the walls become printed lines of it, and weigh nothing.
    """
    level, upright = found.printed
    top, left, bottom, right = found.pieces.boxes.T
    height, width = bottom - top, right - left
    bars = (width <= _WALL * height) & (found.pieces.areas >= _SOLID * width * height) & (found.weight > 0)
    walls = {
        bar: Ruling(int(top[bar]), int(bottom[bar]), float(left[bar] + right[bar] - 1) / 2, 0.0, float(width[bar]))
        for bar in (np.flatnonzero(bars).tolist() if level else [])
    }
    walls = {bar: wall for bar, wall in walls.items() if _is_held(wall, level)}
    if not walls or len(upright) + len(walls) < _WALLS:
        return found
    weight = found.weight.copy()
    weight[list(walls)] = 0
    return replace(found, weight=weight, printed=(level, [*upright, *walls.values()]))


def _is_held(wall: Ruling, level: list[Ruling]) -> bool:
    """Whether level lines end a wall, above and below; one of them, where it's thin."""
    column = wall.height
    rows = [(line.at(column), 2 + 1.5 * line.thickness) for line in level if line.start <= column <= line.end]
    held = [any(abs(row - end) <= slack for row, slack in rows) for end in (wall.start, wall.end - 1)]
    return all(held) or (any(held) and wall.thickness <= _THIN * wall.length)


def _overlap(one: Cell, two: Cell) -> bool:
    level = min(one.bottom, two.bottom) - max(one.top, two.top)
    return level > 0 and min(one.right, two.right) - max(one.left, two.left) > 0.1 * one.width


def _places(printed: Lines, tall: float) -> list[Cell]:
    """Between all lines that stand side by side, as far apart as the sides of a box are, and the level ones that reach
    from one to the other.
    """
    level, upright = printed
    cells = []
    for left in upright:
        for right in upright:
            foot, head = min(left.end, right.end), max(left.start, right.start)
            west, east = left.at((foot + head) / 2), right.at((foot + head) / 2)
            if not _NARROWEST * tall <= east - west <= _WIDEST * tall or foot - head < _MEET * tall:
                continue
            middle, slack = (west + east) / 2, _MEET * tall
            rows = sorted(line.at(middle) for line in level if _reaches(line, west, east))
            rows = [row for row in rows if head - slack <= row <= foot + slack]
            edges = [row for k, row in enumerate(rows) if not k or row - rows[k - 1] > slack]
            if len(edges) == 1 and abs(edges[0] - foot) <= slack:
                edges = [min(left.start, right.start, edges[0] - tall), edges[0]]
            cells += [
                Cell(round(west), round(top), round(east), round(bottom))
                for top, bottom in pairwise(edges)
                if bottom - top <= _WIDEST * tall
            ]
    return cells


def _reaches(line: Ruling, west: float, east: float) -> bool:
    """Whether a level line goes from one side of a box to the other."""
    slack = 0.15 * (east - west) + line.thickness
    return line.start <= west + slack and line.end >= east - slack
