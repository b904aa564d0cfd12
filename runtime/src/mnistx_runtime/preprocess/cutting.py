"""Where digits that touch may be cut apart: oftener than needed, as only the model can say which parts are digits."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnistx_runtime.preprocess.components import Components, components, runs
from mnistx_runtime.preprocess.ink import Floats
from mnistx_runtime.preprocess.segmentation import Patch

_WIDE = 0.65  # heights of a digit: what is narrower is one
_EVERY = 0.12  # from cut to cut, likewise
_SWERVE = 0.25  # of a cut to either side, likewise
_MOST_INK = 0.4  # that a cut goes through, likewise
_APART = 0.15  # of two cuts on average, likewise
_LEAST = 0.01  # squares of a digit's height: ink between two cuts
_WALL = 1.7  # strokes: how wide ink is, at most, that a cut goes along rather than across
_ALONG = 0.5  # what such ink counts as
_SHARED = 0.8  # strokes of ink: a cut through more may leave out the side of a digit that another one shares
_HOLE = 0.15  # heights of a digit that a cut through a hole counts as more
_WALL_WIDTH = 0.35  # heights of a digit: of a stroke that two holes share, at most
_WALL_INK = 0.05  # heights of a digit that a cut along it counts as
_SIDESTEP = 0.03  # what a cut's step to the side counts as, in pixels of ink


class Cut(NamedTuple):
    """A way from top to bottom through little ink.

    Args:
        left: int `(height,)`: for each row the first column that may belong to what is on its right.
        right: likewise, past the last one that may belong to what is on its left; more than `left` where both may share
            a stroke.
        ink: that it goes through, in heights of a digit; along a stroke it counts less.
        shares: whether it may go along a stroke that belongs to both sides.
    """

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    ink: float
    shares: bool

    @property
    def column(self) -> float:
        """Where it lies, on average."""
        return float((self.left + self.right).mean()) / 2


def find_cuts(patch: Patch, tall: float, stroke: float) -> list[Cut]:
    """The cuts that may be between two digits, from left to right. They may run along a stroke that two digits share.

    Args:
        patch: ink that hangs together.
        tall: height of a digit, in pixels.
        stroke: width of its strokes, likewise.
    """
    height, width = patch.mask.shape
    if width < _WIDE * tall:
        return []
    swerve = max(2, round(_SWERVE * tall))
    centres = np.arange(0.15 * tall, width - 0.15 * tall, max(1.0, _EVERY * tall)).astype(np.int64)
    weighed = patch.levels * np.where(_level_runs(patch.mask) <= _WALL * stroke, np.float32(_ALONG), np.float32(1))
    padded = np.pad(weighed, ((0, 0), (swerve, swerve)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * swerve + 1, axis=1)[:, centres]  # row, cut, column
    drift = 0.3 * np.abs(np.arange(-swerve, swerve + 1)) / (swerve * height)
    costs, steps = _cheapest(windows, drift)
    holes = _holes(patch.mask, tall)
    kept = _between_holes(holes, patch.mask.shape, tall)
    walls = len(kept)
    cuts = []
    for centre, way, cost in zip(centres, *_ways(steps, costs), strict=True):
        columns = np.clip(centre + way - swerve, 0, width)
        at = np.arange(height), np.minimum(columns, width - 1)
        pierced = len(np.unique(holes.labels[at][holes.labels[at] >= 0]))
        through = float(patch.levels[at].sum())
        cuts.append(Cut(columns, columns, float(cost) / tall + _HOLE * pierced, through > _SHARED * stroke))
    for cut in sorted(cuts, key=lambda cut: cut.ink):
        if cut.ink > _MOST_INK or len(kept) - walls >= 3 * width / tall + 1:
            break
        if all(_distance(cut, other) > _APART * tall for other in kept):
            kept.append(cut)
    least = _LEAST * tall * tall
    cuts = []
    for cut in sorted(kept, key=lambda cut: cut.column):
        if _area(patch, cuts[-1] if cuts else None, cut) > least and _area(patch, cut, None) > least:
            cuts.append(cut)
    return cuts


def _distance(cut: Cut, other: Cut) -> float:
    """Columns between two cuts, on average; 0 inside a stroke that is shared."""
    return float(np.maximum(np.maximum(other.left - cut.right, cut.left - other.right), 0).mean())


def _holes(mask: NDArray[np.bool_], tall: float) -> Components:
    """The ground that ink encloses: as much of it as digits do."""
    ground = components(np.pad(~mask, 1, constant_values=True))
    outside = ground.labels[0, 0]
    large = (ground.areas >= _LEAST * tall * tall) & (np.arange(len(ground.areas)) != outside)
    labels = np.where(np.append(large, False)[ground.labels], ground.labels, -1)[1:-1, 1:-1]
    return Components(labels, np.where(large, ground.areas, 0), ground.boxes - 1)


def _between_holes(holes: Components, shape: tuple[int, ...], tall: float) -> list[Cut]:
    """Cuts along the stroke between two holes side by side, which belongs to the digits of both."""
    order = sorted(np.flatnonzero(holes.areas).tolist(), key=lambda hole: int(holes.boxes[hole, 1]))
    cuts = []
    for one, two in pairwise(order):
        (top, west, bottom, east), (up, left, down, right) = holes.boxes[one].tolist(), holes.boxes[two].tolist()
        shared = min(bottom, down) - max(top, up)
        if shared < 0.4 * min(bottom - top, down - up) or (west + east) / 2 > left:
            continue
        if min(east - west, right - left) < 3:
            continue
        rows = np.arange(max(top, up), min(bottom, down))
        end = shape[1] - np.argmax(holes.labels[rows][:, ::-1] == one, axis=1)
        start = np.argmax(holes.labels[rows] == two, axis=1)
        if float((start - end).mean()) > _WALL_WIDTH * tall or (start <= end).any():
            continue
        middle, half = (start + end) / 2, float((start - end).min()) / 2
        away = rows - rows.mean()
        slope = np.clip((away * middle).sum() / max((away**2).sum(), 1e-9), -0.7, 0.7)
        columns = middle.mean() + slope * (np.arange(shape[0]) - rows.mean())
        inner, outer = (np.rint(columns + side).astype(np.int64) for side in (-half, half))
        cuts.append(Cut(inner, outer, _WALL_INK, False))
    return cuts


def part_between(patch: Patch, left: Cut | None, right: Cut | None, wider: tuple[int, int] = (0, 0)) -> Patch:
    """What lies between two cuts, in its own smallest box.

    Args:
        patch: that is cut; there is ink between the cuts.
        left: None for the patch's own end.
        right: likewise.
        wider: columns beyond the left and the right cut that belong to it, too, as a stroke that two digits share.
    """
    inside = _inside(patch, left, right, wider)
    mask = patch.mask & inside
    rows, used = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    box = np.s_[rows[0] : rows[-1] + 1, used[0] : used[-1] + 1]
    levels = np.where(inside, patch.levels, np.float32(0))[box]
    return Patch(levels, mask[box], patch.top + int(rows[0]), patch.left + int(used[0]))


def _inside(patch: Patch, left: Cut | None, right: Cut | None, wider: tuple[int, int] = (0, 0)) -> NDArray[np.bool_]:
    columns = np.arange(patch.mask.shape[1])
    inside = np.ones_like(patch.mask)
    if left is not None:
        inside &= columns >= left.left[:, None] - wider[0]
    if right is not None:
        inside &= columns < right.right[:, None] + wider[1]
    return inside


def _area(patch: Patch, left: Cut | None, right: Cut | None) -> int:
    return int(np.count_nonzero(patch.mask & _inside(patch, left, right)))


def _level_runs(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """For each pixel of the mask, how long the run of its row is that it belongs to; 0 elsewhere."""
    _, starts, ends = runs(mask)
    lengths = np.zeros(mask.shape, np.int64)
    lengths[mask] = np.repeat(ends - starts, ends - starts)
    return lengths


def _cheapest(windows: Floats, drift: NDArray[np.float64]) -> tuple[Floats, NDArray[np.int8]]:
    """For each cut and column at the bottom, the least cost of a way to there; and the steps, row by row."""
    height, count, width = windows.shape
    costs = (windows[0] + drift).astype(np.float32)
    steps = np.zeros((height, count, width), np.int8)
    choices = np.full((3, count, width), np.inf, np.float32)
    for row in range(1, height):
        choices[0, :, 1:] = costs[:, :-1] + _SIDESTEP
        choices[1] = costs
        choices[2, :, :-1] = costs[:, 1:] + _SIDESTEP
        steps[row] = choices.argmin(0) - 1
        costs = choices.min(0) + windows[row] + drift.astype(np.float32)
    return costs, steps


def _ways(steps: NDArray[np.int8], costs: Floats) -> tuple[NDArray[np.int64], Floats]:
    """For each cut its columns in its window, from top to bottom, and its cost."""
    height, count, _ = steps.shape
    at = costs.argmin(1)
    ways = np.empty((count, height), np.int64)
    for row in range(height - 1, -1, -1):
        ways[:, row] = at
        at = at + steps[row, np.arange(count), at]
    return ways, costs.min(1)
