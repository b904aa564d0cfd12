"""Finds printed lines among ink, and takes them away: frames, combs, cells, and the lines that one writes on.

Lines lie level or upright, up to a slope of a tenth. A line is a printed one where both its ends are held: by another
printed line that crosses it there, or by the picture's edge. Strokes that cross a line are kept whole.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

_THICKEST = 0.07  # of a line, in rooms of a digit
_SHORTEST = 0.2  # of a line, likewise
_GAP = 0.3  # of what a line may be hidden or broken by, likewise
_FILLED = 0.6  # of a line between its ends
_EDGE = 0.03  # of the picture, where lines may end already
_SLOPES = np.linspace(-0.1, 0.1, 21)
_MOST = 80  # lines of either direction
_MOST_RUNS = 4000


class Ruling(NamedTuple):
    """A straight line of ink, level; or upright, where it belongs to a transposed mask.

    Args:
        start: the first column.
        end: past the last one.
        height: row of its middle at column 0.
        slope: rows a column.
        thickness: in pixels.
    """

    start: int
    end: int
    height: float
    slope: float
    thickness: float

    def at(self, column: float) -> float:
        """The row of its middle at a column."""
        return self.height + self.slope * column


Lines = tuple[list[Ruling], list[Ruling]]
"""Level ones, and upright ones."""


def find_lines(mask: Mask, room: float) -> Lines:
    """The straight thin lines of ink, level and upright ones, printed or not.

    Args:
        mask: where the ink is.
        room: height and width that a digit has, in pixels.
    """
    return _level_lines(mask, room), _level_lines(mask.T, room)


def printed_lines(lines: Lines, shape: tuple[int, ...]) -> Lines:
    """Those of the lines that are held at both ends."""
    level, upright = lines
    height, width = shape[-2:]
    while True:
        kept = (
            [line for line in level if all(_held(line, upright, width))],
            [line for line in upright if all(_held(line, level, height)) or _is_comb(line, upright, level, height)],
        )
        kept = _of_one_print(*kept)
        if len(kept[0]) == len(level) and len(kept[1]) == len(upright):
            return kept
        level, upright = kept


def erase(mask: Mask, lines: Lines) -> Mask:
    """Where the lines are to be taken out of the ink: strokes that cross them are left standing."""
    erased = np.zeros_like(mask)
    for line in lines[0]:
        _erase(mask, erased, line)
    for line in lines[1]:
        _erase(mask.T, erased.T, line)
    return erased


def _level_lines(mask: Mask, room: float) -> list[Ruling]:
    thickest = max(2, round(room * _THICKEST))
    shortest = max(10, round(room * _SHORTEST))
    if min(mask.shape) <= thickest:
        return []
    rows, starts, ends = _runs(mask & ~_opened(mask, thickest + 1), max(4, shortest // 8))
    if len(rows) > _MOST_RUNS:
        longest = np.argsort(starts - ends, kind="stable")[:_MOST_RUNS]
        rows, starts, ends = rows[longest], starts[longest], ends[longest]
    lines: list[Ruling] = []
    for _ in range(_MOST):
        if not len(rows):
            break
        middles, lengths = (starts + ends - 1) / 2, ends - starts
        heights = rows - np.multiply.outer(_SLOPES, middles)
        lowest = int(np.floor(heights.min()))
        bins = np.rint(heights).astype(np.int64) - lowest
        count = int(bins.max()) + 2
        bins += (np.arange(len(_SLOPES)) * count)[:, None]
        votes = np.bincount(bins.ravel(), np.tile(lengths, len(_SLOPES)), count * len(_SLOPES))
        best = int(votes.argmax())
        if votes[best] < shortest * 0.5:
            break
        slope, height = _SLOPES[best // count], best % count + lowest
        near = np.abs(rows - slope * middles - height) <= thickest / 2 + 1
        found = _cut(rows[near], starts[near], ends[near], shortest, room * _GAP)
        lines += [_through_ink(line, mask, round(room * _GAP)) for line in found]
        rows, starts, ends = rows[~near], starts[~near], ends[~near]
    return lines


def _cut(
    rows: NDArray[np.int64],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    shortest: int,
    gap: float,
) -> list[Ruling]:
    """The lines that runs near one straight line make up."""
    order = np.argsort(starts, kind="stable")
    rows, starts, ends = rows[order], starts[order], ends[order]
    reached = np.maximum.accumulate(ends)
    breaks = np.flatnonzero(starts[1:] - reached[:-1] > gap) + 1
    lines = []
    for part in np.split(np.arange(len(rows)), breaks):
        start, end = int(starts[part[0]]), int(ends[part].max())
        if end - start < shortest:
            continue
        covered = np.zeros(end - start + 1, np.int64)
        np.add.at(covered, starts[part] - start, 1)
        np.add.at(covered, ends[part] - start, -1)
        thick = np.cumsum(covered)[:-1]
        inked = thick[thick > 0]
        if len(inked) < _FILLED * (end - start):
            continue
        weight = (ends[part] - starts[part]).astype(np.float64)
        middles = (starts[part] + ends[part] - 1) / 2
        x, y = (float((weight * value).sum() / weight.sum()) for value in (middles, rows[part]))
        spread = float((weight * ((middles - x) ** 2 + (weight**2 - 1) / 12)).sum())
        slope = float((weight * (middles - x) * (rows[part] - y)).sum()) / max(spread, 1e-9)
        away = np.abs(rows[part] - y - slope * (middles - x))
        thickness = float(np.median(inked))
        if float((weight * away).sum() / weight.sum()) > max(thickness, 1.0):
            continue
        lines.append(Ruling(start, end, y - slope * x, slope, thickness))
    return lines


def _of_one_print(level: list[Ruling], upright: list[Ruling]) -> Lines:
    """The lines without those that are thicker than print of theirs is: strokes of a pen."""
    lengths = [(line.thickness, line.end - line.start) for line in (*level, *upright)]
    half, most = sum(length for _, length in lengths) / 2, 0.0
    for thickness, length in sorted(lengths):
        half -= length
        if half <= 0:
            most = 1.5 * thickness + 1
            break
    return [line for line in level if line.thickness <= most], [line for line in upright if line.thickness <= most]


def _through_ink(line: Ruling, mask: Mask, most: int) -> Ruling:
    """The line, as much longer at its ends as it may be hidden by a stroke there."""
    height, width = mask.shape
    ends = []
    for end, step in ((line.start - 1, -1), (line.end, 1)):
        columns = end + step * np.arange(most)
        rows = np.rint(line.at(columns)).astype(np.int64)
        inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
        inked = inside & mask[np.clip(rows, 0, height - 1), np.clip(columns, 0, width - 1)]
        ends.append(most if inked.all() else int(inked.argmin()))
    return line._replace(start=line.start - ends[0], end=line.end + ends[1])


def _runs(mask: Mask, shortest: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Row, start and end of each level run that is long enough."""
    steps = np.diff(np.pad(mask, ((0, 0), (1, 1))).view(np.int8), axis=1)
    at = np.flatnonzero(steps)
    width = steps.shape[1]
    starts, ends = at[::2], at[1::2]
    long = ends - starts >= shortest
    return starts[long] // width, starts[long] % width, ends[long] % width


def _opened(mask: Mask, size: int) -> Mask:
    """Where upright runs of this size fit into the mask."""
    padded = np.zeros((mask.shape[0] + 2 * (size - 1), mask.shape[1]), np.bool_)
    padded[size - 1 : size - 1 + mask.shape[0]] = mask
    return _slide(_slide(padded, size, np.logical_and), size, np.logical_or)


def _slide(mask: Mask, size: int, both: np.ufunc) -> Mask:
    length = 1
    while length < size:
        step = min(length, size - length)
        mask = both(mask[:-step], mask[step:])
        length += step
    return mask


def _held(line: Ruling, crossing: list[Ruling], width: int) -> tuple[bool, bool]:
    """Whether the start and the end are at the picture's edge or at a line that crosses."""
    slack = 1 + line.thickness
    near = slack + 0.15 * (line.end - line.start)
    margin = 1 + _EDGE * width
    start, end = line.start <= margin, line.end >= width - margin
    for other in crossing:
        column = other.at(line.at((line.start + line.end) / 2))
        row = line.at(column)
        reach = slack + other.thickness
        if other.start - reach <= row <= other.end + reach:
            start |= line.start - reach <= column <= line.start + near
            end |= line.end - near <= column <= line.end + reach
    return start, end


def _is_comb(line: Ruling, beside: list[Ruling], level: list[Ruling], height: int) -> bool:
    """Whether the line stands on another one, as one of several teeth of a length."""
    if not _held(line, level, height)[1] or line.end >= height - 2 - 1.5 * line.thickness:
        return False
    slack = 2 + 1.5 * line.thickness
    alike = [each for each in beside if abs(each.start - line.start) <= slack and abs(each.end - line.end) <= slack]
    return len(alike) >= 2


def _erase(mask: Mask, erased: Mask, line: Ruling) -> None:
    """Mark the pixels of a line in `erased`, but for the strokes that go through it."""
    height = mask.shape[0]
    columns = np.arange(line.start, line.end)
    half = line.thickness / 2 + 1
    middle = line.at(columns)
    top, bottom = np.rint(middle - half).astype(np.int64), np.rint(middle + half).astype(np.int64)
    above = (top > 0) & mask[np.clip(top - 1, 0, height - 1), columns]
    below = (bottom < height - 1) & mask[np.clip(bottom + 1, 0, height - 1), columns]
    slack = int(np.ceil(line.thickness)) + 1
    crossed = (above & _widened(below, slack)) | (below & _widened(above, slack))
    for step in range(int((bottom - top).max()) + 1):
        row = top + step
        here = ~crossed & (row <= bottom) & (row >= 0) & (row < height)
        erased[row[here], columns[here]] = True


def _widened(line: Mask, by: int) -> Mask:
    return np.convolve(line, np.ones(2 * by + 1), "same") > 0
