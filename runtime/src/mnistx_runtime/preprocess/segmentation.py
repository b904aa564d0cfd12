"""Separates ink from ground, and the ink into its pieces."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mnistx_runtime.preprocess.components import Components, components
from mnistx_runtime.preprocess.frames import close_frames
from mnistx_runtime.preprocess.ink import Floats, quantile, room_of
from mnistx_runtime.preprocess.rulings import Lines, Sizes, erase, find_lines, printed_lines
from mnistx_runtime.preprocess.top_hat import Bytes

MIN_CONTRAST = 12  # grey levels of 255 between ground and ink
_LEVELS = (1.0, 0.5)  # shares of the level that separates ink from ground: lines may be fainter than the ink
_BAND = 0.05  # of a digit's room: what lies mostly so near to the edge is no digit


class Patch(NamedTuple):
    """The ink of one digit.

    Args:
        levels: float32 `(height, width)`, how much of each pixel of its box is covered, 0..1, soft edges included.
        mask: where its ink is.
        top: of the box, in pixels of the ink.
        left: of the box, likewise.
    """

    levels: Floats
    mask: NDArray[np.bool_]
    top: int
    left: int


@dataclass(frozen=True, eq=False)
class Segmentation:
    """Ink, apart from its ground.

    Args:
        ink: uint8 `(height, width)`, how far each pixel stands out, in grey levels.
        threshold: the level that separates ink from ground.
        pieces: the connected pieces of what lies above it.
        weight: `(pieces,)`, the ink of each; 0 for a piece that lies along the picture's edge, as a frame does.
        printed: lines that were taken out of the ink.
    """

    ink: Bytes
    threshold: float
    pieces: Components
    weight: NDArray[np.float64]
    printed: Lines

    @property
    def is_empty(self) -> bool:
        """Nothing stands out enough to be ink."""
        return self.threshold < MIN_CONTRAST / 2 or not len(self.pieces.areas)

    @cached_property
    def distinctness(self) -> float:
        """Share of the variance of the grey levels that lies between ink and ground, 0..1: near 1 for a pen on paper,
        lower where light and dark run into each other (the measure that Otsu 1979 maximizes).
        """
        counts = _histogram(self.ink)
        levels = np.arange(256)
        inked = np.where(levels > self.threshold, counts, 0)
        ground = counts - inked
        share = float(inked.sum() / counts.sum())
        if self.is_empty or share in (0.0, 1.0):
            return 0.0
        gap = float(inked @ levels / inked.sum() - ground @ levels / ground.sum())
        mean = counts @ levels / counts.sum()
        return share * (1 - share) * gap * gap / float(counts @ (levels - mean) ** 2 / counts.sum())

    def patch(self, pieces: list[int]) -> Patch:
        """The smallest box around some of the pieces, with their ink alone."""
        top, left = (int(side) for side in self.pieces.boxes[pieces, :2].min(0))
        bottom, right = (int(side) for side in self.pieces.boxes[pieces, 2:].max(0))
        box = np.s_[top:bottom, left:right]
        wanted = np.zeros(len(self.pieces.areas) + 1, np.bool_)
        wanted[pieces] = True
        mask, ink, ground = wanted[self.pieces.labels[box]], self.ink[box], self.threshold / 2
        full = quantile(ink[mask], 0.5)
        covered = np.clip((ink.astype(np.float32) - ground) / max(full - ground, 1), 0, 1)
        return Patch(covered * _dilate(mask, 2), mask, top, left)


def segment(ink: Bytes, room: float | None = None, sizes: Sizes | None = None) -> Segmentation:
    """Separate ink by one level: Otsu's.

    Args:
        ink: as `ink_of` gives it.
        room: see `ink_of`.
        sizes: of printed lines; None for those in a picture of one digit.
    """
    room = room_of(ink.shape) if room is None else room
    ink, printed, threshold = _without_print(ink, sizes or Sizes.for_one(ink.shape))
    pieces = components(ink > threshold)
    return Segmentation(ink, threshold, pieces, _weights(pieces, ink, max(2, round(room * _BAND))), printed)


def _without_print(ink: Bytes, sizes: Sizes) -> tuple[Bytes, Lines, float]:
    """The ink without printed lines, these, and Otsu's level; lines of another darkness are looked for in what is
    left.
    """
    printed: Lines = ([], [])
    threshold = _otsu(ink)
    for level in _LEVELS:
        mask = ink > level * threshold
        lines = printed_lines(close_frames(mask, find_lines(mask, sizes)), mask.shape, sizes)
        if not any(lines):
            continue
        rest = np.where(erase(mask, lines), np.uint8(0), ink)
        lower = _otsu(rest)
        left = components(rest > lower)
        tallest = int((left.boxes[:, 2] - left.boxes[:, 0]).max(initial=0))
        if tallest < sizes.rest:
            break
        ink, threshold, printed = rest, lower, (printed[0] + lines[0], printed[1] + lines[1])
    return ink, printed, threshold


def _weights(pieces: Components, ink: Bytes, band: int) -> NDArray[np.float64]:
    inner = pieces.labels[band:-band, band:-band]
    inside = np.bincount(inner[inner >= 0], minlength=len(pieces.areas))
    inked = pieces.labels >= 0
    weight = np.bincount(pieces.labels[inked], ink[inked], len(pieces.areas)).astype(np.float64)
    within = inside * 2 >= pieces.areas
    return np.where(within, weight, 0) if within.any() else weight


def _dilate(mask: NDArray[np.bool_], times: int) -> NDArray[np.bool_]:
    """The mask and the pixels around it."""
    for _ in range(times):
        wider = mask.copy()
        wider[1:] |= mask[:-1]
        wider[:-1] |= mask[1:]
        wider[:, 1:] |= mask[:, :-1]
        wider[:, :-1] |= mask[:, 1:]
        mask = wider
    return mask


def _histogram(ink: Bytes) -> NDArray[np.float64]:
    return np.array(Image.fromarray(ink).histogram(), np.float64)


def _otsu(ink: Bytes) -> float:
    """The threshold between two classes of brightness (Otsu 1979: largest variance between the classes)."""
    counts = _histogram(ink)
    below, levels = np.cumsum(counts), np.arange(256)
    mass = np.cumsum(counts * levels)
    rest = below[-1] - below
    both = np.maximum(below * rest, 1)
    between = (mass * rest - (mass[-1] - mass) * below) ** 2 / both
    return float(np.flatnonzero(between == between.max()).mean())  # clean pictures have a plateau of best thresholds
