"""Finds the sides of frames that a digit hides: what crosses a printed line all along leaves too little of it alone."""

from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnistx_runtime.preprocess.rulings import Lines, Ruling

_INKED = 0.85  # of a side that is hidden, at least
_THERE = 0.8  # of a side that is found, at least


class _Corner(NamedTuple):
    """Where a side begins at another one.

    Args:
        column: of the side.
        row: where it ends, opposite.
        upward: it ends above.
    """

    column: float
    row: float
    upward: bool


def close_frames(mask: NDArray[np.bool_], lines: Lines) -> Lines:
    """The lines, and those along which there is ink between the far ends of two others that begin at both ends of a
    third.

    Args:
        mask: where the ink is.
        lines: that were found in it.
    """
    level, upright = lines
    return level + _hidden(mask, level, upright), upright + _hidden(mask.T, upright, level)


def _hidden(mask: NDArray[np.bool_], level: list[Ruling], upright: list[Ruling]) -> list[Ruling]:
    """Level ones."""
    found: list[Ruling] = []
    sides = np.array(upright, np.float64).reshape(-1, len(Ruling._fields))
    for base in level:
        slack = 2 * (1 + base.thickness)
        for one, two in product(_corners(base, sides, base.start), _corners(base, sides, base.end - 1)):
            across, rise = two.column - one.column, two.row - one.row
            if one.upward != two.upward or across < 2 * slack or abs(rise - base.slope * across) > slack:
                continue
            slope = rise / across
            start, end = max(0, round(one.column)), min(mask.shape[1], round(two.column) + 1)
            side = Ruling(start, end, one.row - slope * one.column, slope, base.thickness)
            known = any(_is_there(side, line, slack) for line in (*level, *found))
            if not known and _share(mask, side) >= _INKED:
                found.append(side)
    return found


def _corners(base: Ruling, sides: NDArray[np.float64], column: int) -> list[_Corner]:
    """The sides that begin at an end of a base."""
    start, end, height, slope, thickness = sides.T
    slack, half = 1 + thickness + base.thickness, (base.thickness - 1) / 2
    corners = []
    here = np.stack([start, end - 1], axis=1)
    there = height[:, None] + slope[:, None] * here
    near = (abs(there - column) <= slack[:, None]) & (abs(here - base.at(there)) <= slack[:, None])
    for side, upward in np.argwhere(near).tolist():
        far = float(start[side] + half if upward else end[side] - 1 - half)
        corners.append(_Corner(float(height[side] + slope[side] * far), far, bool(upward)))
    return corners


def _is_there(side: Ruling, line: Ruling, slack: float) -> bool:
    """Whether a line is the side."""
    middle = (side.start + side.end) / 2
    return abs(line.at(middle) - side.at(middle)) <= slack and line.length >= _THERE * side.length


def _share(mask: NDArray[np.bool_], side: Ruling) -> float:
    """Of a side, what has ink on it or beside it."""
    columns = np.arange(side.start, side.end)
    rows = np.rint(side.height + side.slope * columns).astype(np.int64)
    inked = np.zeros(len(columns), np.bool_)
    for step in (-1, 0, 1):
        inked |= mask[np.clip(rows + step, 0, mask.shape[0] - 1), columns]
    return float(inked.mean())
