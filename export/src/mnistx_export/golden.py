"""The golden images: digits drawn with a pen by mnistx itself, edge cases and noise. None is anybody's data."""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

SIDE = 28
VARIANTS = 3  # of each digit
DRAWN = 10 * VARIANTS  # golden images that are digits, the first ones
SEED = 20

Point = tuple[float, float]
Stroke = Sequence[Point]


def _arc(x: float, y: float, rx: float, ry: float, start: float, end: float) -> list[Point]:
    """Points of an ellipse around (x, y), from one angle to another in degrees, clockwise from the right."""
    angles = [math.radians(start + (end - start) * i / 24) for i in range(25)]
    return [(x + rx * math.cos(a), y + ry * math.sin(a)) for a in angles]


STROKES: dict[int, list[Stroke]] = {
    0: [_arc(0.5, 0.5, 0.33, 0.5, -90, 270)],
    1: [[(0.35, 0.18), (0.52, 0.0), (0.5, 1.0)]],
    2: [[*_arc(0.5, 0.28, 0.36, 0.28, 190, 370), (0.12, 1.0), (0.9, 1.0)]],
    3: [_arc(0.47, 0.25, 0.33, 0.25, 200, 450), _arc(0.47, 0.74, 0.37, 0.26, -90, 160)],
    4: [[(0.6, 0.0), (0.08, 0.62), (0.92, 0.62)], [(0.68, 0.35), (0.66, 1.0)]],
    5: [[(0.85, 0.0), (0.27, 0.0), (0.2, 0.45), *_arc(0.47, 0.69, 0.38, 0.3, 230, 510)]],
    6: [[(0.7, 0.0), (0.3, 0.4), *_arc(0.5, 0.71, 0.33, 0.29, 200, 560)]],
    7: [[(0.08, 0.0), (0.9, 0.0), (0.4, 1.0)]],
    8: [_arc(0.5, 0.24, 0.27, 0.24, 90, 450), _arc(0.5, 0.74, 0.34, 0.26, -90, 270)],
    9: [[*_arc(0.48, 0.29, 0.32, 0.29, 0, 360), (0.8, 0.29), (0.68, 1.0)]],
}
"""Each digit's strokes in a unit box, x to the right and y down."""


def draw_digit(digit: int, seed: int, side: int = SIDE) -> NDArray[np.uint8]:
    """A digit as a pen would draw it, bright on black, slanted and as thick as the seed says.

    Args:
        digit: 0 to 9.
        seed: of slant, width, height and thickness.
        side: pixels of the square image.

    Returns:
        uint8 `(side, side)`.

    >>> int(draw_digit(1, seed=0)[14, 14]) > 200
    True
    """
    random = np.random.default_rng([SEED, digit, seed])
    box = side * 20 / 28
    width, slant, thickness = (
        random.uniform(0.75, 1.0),
        random.uniform(-0.25, 0.12),
        random.uniform(0.09, 0.17) * box,
    )
    shift = random.uniform(-0.02, 0.02, 2)
    y, x = np.mgrid[0:side, 0:side] + 0.5
    distance = np.full((side, side), np.inf)
    for stroke in STROKES[digit]:
        points = [
            (
                side / 2 + (((px - 0.5) * width * 0.86 - slant * (py - 0.5) + shift[0]) * box),
                side / 2 + ((py - 0.5) * 0.86 + shift[1]) * box,
            )
            for px, py in stroke
        ]
        for (x0, y0), (x1, y1) in pairwise(points):
            length = (x1 - x0) ** 2 + (y1 - y0) ** 2
            along = np.clip(((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / max(length, 1e-12), 0, 1)
            gap = np.hypot(x - x0 - along * (x1 - x0), y - y0 - along * (y1 - y0))
            distance = np.minimum(distance, gap)
    return np.round(np.clip(thickness / 2 - distance + 0.5, 0, 1) * 255).astype(np.uint8)


def hard_images() -> NDArray[np.uint8]:
    """Images that no one draws and that show what goes wrong: uniform, checkered, single pixels, ramps, noise.

    Returns:
        uint8 `(N, 28, 28)`.
    """
    row, column = np.mgrid[0:SIDE, 0:SIDE]
    corner, centre = np.zeros((2, SIDE, SIDE), np.uint8)
    corner[0, 0] = centre[SIDE // 2, SIDE // 2] = 255
    random = np.random.default_rng(SEED)
    return np.stack(
        [
            np.zeros((SIDE, SIDE)),
            np.full((SIDE, SIDE), 255),
            (row + column) % 2 * 255,
            (row // 4 + column // 4) % 2 * 255,
            corner,
            centre,
            column * 255 // (SIDE - 1),
            row * 255 // (SIDE - 1),
            *random.integers(0, 256, (4, SIDE, SIDE)),
            255 - draw_digit(3, 0),
            255 - draw_digit(8, 1),
        ]
    ).astype(np.uint8)


def golden_images() -> NDArray[np.uint8]:
    """The images of the parity certificate: three of each digit, then the hard ones.

    Returns:
        uint8 `(44, 1, 28, 28)`.

    >>> golden_images().shape
    (44, 1, 28, 28)
    """
    digits = [draw_digit(digit, seed) for seed in range(VARIANTS) for digit in range(10)]
    return np.concatenate([np.stack(digits), hard_images()])[:, None]
