"""Finds printed lines among ink, and takes them away: frames, combs, cells, and the lines that one writes on.

Lines lie level or upright, up to a slope of a tenth. A line is a printed one where both its ends are held: by another
printed line that crosses it there, or by the picture's edge. Strokes that cross a line are kept whole.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnistx_runtime.preprocess.components import runs

Mask = NDArray[np.bool_]

_SLOPES = np.linspace(-0.1, 0.1, 21)
_FILLED = 0.6  # of a line between its ends
_OWN = 0.5  # of a line that nothing else stands on
_EDGE = 0.03  # of the picture, where level lines may end already; upright ones could be a 1
_ONE_PLACE = 1.15  # of the widest place of a comb: two that are together no wider are one
_INSIDE = 0.25  # of the widest place: from what parts it in two to either side of it, at least
_AS_HIGH = 0.8  # of the lower one of the teeth beside it
_ASKEW = 0.03  # rows a column between a printed line and most of its direction, at most
_THICKER = 1.25  # of most lines' thickness: what is as thick, and askew, is a stroke
_EVEN = 1.3  # of the narrowest place of a comb: the widest one, at most
_MOST = 80  # lines of either direction
_MOST_RUNS = 4000


class Sizes(NamedTuple):
    """What may be a line, in pixels.

    Args:
        shortest: length that it has.
        held: length of one that counts where it is held at both ends.
        thickest: that it is.
        gap: that it may have.
        long: from which on no stroke of a digit is that long.
        rest: height of what is left without the lines, or they were strokes of it.
    """

    shortest: float
    held: float
    thickest: float
    gap: float
    long: float
    rest: float

    @classmethod
    def for_one(cls, shape: tuple[int, ...]) -> "Sizes":
        """In a picture of one digit."""
        side = min(shape)
        return cls(max(10, 0.2 * side), max(10, 0.35 * side), max(2, 0.07 * side), 0.1 * side, np.inf, 0.15 * side)

    @classmethod
    def for_many(cls, shape: tuple[int, ...]) -> "Sizes":
        """In a picture of many digits whose height isn't known yet."""
        side = min(shape)
        return cls(max(8, 0.2 * side), max(10, 0.3 * side), max(2, 0.05 * side), 0.1 * side, max(shape), 0.02 * side)

    @classmethod
    def for_height(cls, tall: float) -> "Sizes":
        """Among digits of a height."""
        return cls(max(8, 0.3 * tall), max(10, 0.9 * tall), max(2, 0.12 * tall), 0.12 * tall, 2.5 * tall, 0.5 * tall)


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

    @property
    def length(self) -> int:
        """In pixels."""
        return self.end - self.start

    def at(self, column: float) -> float:
        """The row of its middle at a column."""
        return self.height + self.slope * column


Lines = tuple[list[Ruling], list[Ruling]]
"""Level ones, and upright ones."""


def find_lines(mask: Mask, sizes: Sizes) -> Lines:
    """The straight thin lines of ink, level and upright ones, printed or not.

    Args:
        mask: where the ink is.
        sizes: of lines.
    """
    level = _level_lines(mask, sizes)
    if not level and not (mask[0].any() and mask[-1].any()):
        return [], []  # nothing could hold upright ones
    return level, _level_lines(np.ascontiguousarray(mask.T), sizes)


def printed_lines(lines: Lines, shape: tuple[int, ...], sizes: Sizes) -> Lines:
    """Those of the lines that are held at both ends, or longer than any stroke."""
    level, upright = lines
    height, width = shape[-2:]
    while True:
        teeth = set(_teeth(upright, level))
        kept = (
            _of_one_row([line for line in level if _is_printed(line, upright, width, _EDGE * width, sizes)], level),
            [line for line in upright if line in teeth or _is_printed(line, level, height, 0, sizes)],
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


def _level_lines(mask: Mask, sizes: Sizes) -> list[Ruling]:
    thickest = round(sizes.thickest)
    if min(mask.shape) <= thickest:
        return []
    thin = mask & ~_opened(mask, thickest + 1)
    rows, starts, ends = _long_runs(thin, max(4, round(sizes.shortest / 8)))
    if len(rows) > _MOST_RUNS:
        longest = np.argsort(starts - ends, kind="stable")[:_MOST_RUNS]
        rows, starts, ends = rows[longest], starts[longest], ends[longest]
    if not len(rows):
        return []
    middles, lengths = (starts + ends - 1) / 2, ends - starts
    heights = np.rint(rows - np.multiply.outer(_SLOPES, middles)).astype(np.int64)
    lowest = int(heights.min())
    count = int(heights.max()) - lowest + 1
    bins = heights + (np.arange(len(_SLOPES)) * count - lowest)[:, None]

    def votes_of(chosen: Mask) -> NDArray[np.int64]:
        weights = np.tile(lengths[chosen], len(_SLOPES))
        return np.bincount(bins[:, chosen].ravel(), weights, count * len(_SLOPES)).astype(np.int64)

    left = np.ones(len(rows), np.bool_)
    votes = votes_of(left)
    lines: list[Ruling] = []
    for _ in range(_MOST):
        best = int(votes.argmax())
        if votes[best] < sizes.shortest * 0.5:
            break
        slope, height = _SLOPES[best // count], best % count + lowest
        near = left & (np.abs(rows - slope * middles - height) <= thickest / 2 + 1)
        if not near.any():
            break
        if ends[near].max() - starts[near].min() >= sizes.shortest:
            guess = _fit(rows[near], middles[near], lengths[near])
            if abs(guess[1]) <= 1.2 * _SLOPES[-1]:
                lines += _cut(mask, thin, guess, sizes)
        left &= ~near
        votes -= votes_of(near)
    return lines


def _fit(rows: NDArray[np.int64], middles: NDArray[np.float64], lengths: NDArray[np.int64]) -> tuple[float, float]:
    """Height at column 0 and slope of the line through runs, by least squares of all their pixels."""
    weight = lengths.astype(np.float64)
    x, y = (float((weight * value).sum() / weight.sum()) for value in (middles, rows))
    spread = float((weight * ((middles - x) ** 2 + (weight**2 - 1) / 12)).sum())
    slope = float((weight * (middles - x) * (rows - y)).sum()) / max(spread, 1e-9)
    return y - slope * x, slope


def _cut(mask: Mask, thin: Mask, guess: tuple[float, float], sizes: Sizes) -> list[Ruling]:
    """The lines that lie on a straight line through a mask: a gap that is too wide ends one."""
    height, slope = guess
    rows = np.rint(height + slope * np.arange(mask.shape[1])).astype(np.int64)
    reach = max(1, round(sizes.thickest / 2))
    window = np.clip(rows + np.arange(-reach, reach + 1)[:, None], 0, mask.shape[0] - 1)
    columns = np.arange(mask.shape[1])
    inside = (rows >= -reach) & (rows < mask.shape[0] + reach)
    inked = mask[window, columns][max(0, reach - 1) : reach + 2].any(0) & inside
    at = np.flatnonzero(inked)
    lines = []
    for part in np.split(at, np.flatnonzero(np.diff(at) > sizes.gap + 1) + 1):
        if not len(part) or part[-1] + 1 - part[0] < sizes.shortest or len(part) < _FILLED * (part[-1] + 1 - part[0]):
            continue
        own = thin[window[:, part], part]
        used = own.any(0)
        if used.sum() < _OWN * len(part):
            continue
        thickness = own.sum(0)[used]
        middle = (own * np.arange(-reach, reach + 1)[:, None]).sum(0)[used] / thickness
        shift = float(np.median(middle))
        if float(np.abs(middle - shift).mean()) > max(0.7, 0.25 * float(np.median(thickness))):
            continue
        lines.append(Ruling(int(part[0]), int(part[-1]) + 1, height + shift, slope, float(np.median(thickness))))
    return lines


def _of_one_print(level: list[Ruling], upright: list[Ruling]) -> Lines:
    """The lines without strokes of a pen: those much thicker than print of theirs is, or thicker and askew."""
    usual = _usual([(line.thickness, line.length) for line in (*level, *upright)])
    return _of_one_direction(level, usual), _of_one_direction(upright, usual)


def _of_one_direction(lines: list[Ruling], thickness: float) -> list[Ruling]:
    slope = _usual([(line.slope, line.length) for line in lines])
    return [
        line
        for line in lines
        if line.thickness <= 1.5 * thickness + 1
        and (line.thickness < _THICKER * thickness or abs(line.slope - slope) <= _ASKEW)
    ]


def _usual(weighted: list[tuple[float, int]]) -> float:
    """The median of values, each with its weight; 0 of none."""
    half = sum(weight for _, weight in weighted) / 2
    for value, weight in sorted(weighted):
        half -= weight
        if half <= 0:
            return value
    return 0.0


def _long_runs(mask: Mask, shortest: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Row, start and end of each level run that is long enough."""
    rows, starts, ends = runs(mask)
    long = ends - starts >= shortest
    return rows[long], starts[long], ends[long]


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


def _of_one_row(printed: list[Ruling], level: list[Ruling]) -> list[Ruling]:
    """The printed lines, and those that go on with them: as long, as thick, and in a row with them."""
    known = set(printed)
    return [
        line
        for line in level
        if line in known
        or any(
            abs(each.at(line.start) - line.at(line.start)) <= 1 + line.thickness
            and abs(each.length - line.length) <= 0.1 * line.length
            for each in printed
        )
    ]


def _is_printed(line: Ruling, crossing: list[Ruling], width: int, margin: float, sizes: Sizes) -> bool:
    if line.length > sizes.long:
        return True
    return line.length >= sizes.held and all(_held(line, crossing, width, margin))


def _held(line: Ruling, crossing: list[Ruling], width: int, margin: float) -> tuple[bool, bool]:
    """Whether the start and the end are at the picture's edge or at a line that crosses."""
    slack = 1 + line.thickness
    near = slack + 0.15 * line.length
    start, end = line.start <= margin, line.end >= width - margin
    for other in crossing:
        column = other.at(line.at((line.start + line.end) / 2))
        row = line.at(column)
        reach = slack + other.thickness
        if other.start - reach <= row <= other.end + reach:
            start |= line.start - reach <= column <= line.start + near
            end |= line.end - near <= column <= line.end + reach
    return start, end


def _teeth(upright: list[Ruling], level: list[Ruling]) -> list[Ruling]:
    """The lines that stand on a level one as the teeth of a comb: two of them stand at its ends."""
    teeth = []
    for base in level:
        standing = []
        for line in upright:
            slack = 2 + 1.5 * line.thickness
            column = line.at(line.end)
            if abs(base.at(column) - line.end) <= slack + base.thickness:
                standing.append((column, slack, line))
        if len(standing) < 2:
            continue
        first, last = min(standing, key=lambda each: each[0]), max(standing, key=lambda each: each[0])
        if first[0] - base.start <= first[1] and base.end - last[0] <= last[1]:
            thin = [(column, line) for column, _, line in standing if line.thickness <= 1.5 * base.thickness + 1]
            teeth += _of_even_places(_without_strokes(sorted(thin, key=lambda each: each[0])))
    return teeth


def _without_strokes(teeth: list[tuple[float, Ruling]]) -> list[tuple[float, Ruling]]:
    """The teeth but for low ones that stand unevenly, or alone between two, as strokes of a digit do."""
    gaps = [right - left for (left, _), (right, _) in pairwise(teeth)]
    lowest = _AS_HIGH * min(line.length for _, line in (teeth[0], teeth[-1])) if teeth else 0.0
    low = [0 < k < len(teeth) - 1 and line.length < lowest for k, (_, line) in enumerate(teeth)]
    if not any(low) or (len(teeth) > 3 and max(gaps) <= _EVEN * min(gaps)):
        return teeth
    return [each for each, is_low in zip(teeth, low, strict=True) if not is_low]


def _of_even_places(teeth: list[tuple[float, Ruling]]) -> list[Ruling]:
    """The teeth but for those that part a place in two, as a 1 that stands in it does. Each comes with its column."""
    widest = max((right - left for (left, _), (right, _) in pairwise(teeth)), default=0.0)
    kept = teeth[:1]
    for (column, line), (right, beyond) in pairwise(teeth[1:]):
        left, before = kept[-1]
        inside = min(column - left, right - column) > _INSIDE * widest
        lower = line.length < _AS_HIGH * min(before.length, beyond.length)
        if not (inside or lower) or right - left > _ONE_PLACE * widest:
            kept.append((column, line))
    return [line for _, line in kept + teeth[1:][-1:]]


def _erase(mask: Mask, erased: Mask, line: Ruling) -> None:
    """Mark the pixels of a line in `erased`, but for the strokes that go through it."""
    height = mask.shape[0]
    columns = np.arange(line.start, line.end)
    half = line.thickness / 2 + 1
    middle = line.height + line.slope * columns
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
    return np.convolve(line, np.ones(2 * by + 1))[by : by + len(line)] > 0
