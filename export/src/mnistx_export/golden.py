"""The golden images: drawn by mnistx itself, with edge cases and noise, or given by the user to be given away."""

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mnistx_runtime.input_spec import InputSpec

SIDE = 28
MOST_IMAGES = 32
MOST_ANSWERS = 15_000  # numbers; a certificate of reduced precision holds them twice
MOST_BYTES = 285_000  # of a certificate, its arrays in base64
VARIANTS = 3  # of each digit
DRAWN = 10 * VARIANTS  # golden images that are digits, the first ones
SEED = 20

Point = tuple[float, float]
Stroke = Sequence[Point]


def _arc(x: float, y: float, radii: Point, start: float, end: float) -> list[Point]:
    """Points of an ellipse around (x, y), from one angle to another in degrees, clockwise from the right."""
    rx, ry = radii
    angles = [math.radians(start + (end - start) * i / 24) for i in range(25)]
    return [(x + rx * math.cos(a), y + ry * math.sin(a)) for a in angles]


STROKES: dict[int, list[Stroke]] = {
    0: [_arc(0.5, 0.5, (0.33, 0.5), -90, 270)],
    1: [[(0.35, 0.18), (0.52, 0.0), (0.5, 1.0)]],
    2: [[*_arc(0.5, 0.28, (0.36, 0.28), 190, 370), (0.12, 1.0), (0.9, 1.0)]],
    3: [_arc(0.47, 0.25, (0.33, 0.25), 200, 450), _arc(0.47, 0.74, (0.37, 0.26), -90, 160)],
    4: [[(0.6, 0.0), (0.08, 0.62), (0.92, 0.62)], [(0.68, 0.35), (0.66, 1.0)]],
    5: [[(0.85, 0.0), (0.27, 0.0), (0.2, 0.45), *_arc(0.47, 0.69, (0.38, 0.3), 230, 510)]],
    6: [[(0.7, 0.0), (0.3, 0.4), *_arc(0.5, 0.71, (0.33, 0.29), 200, 560)]],
    7: [[(0.08, 0.0), (0.9, 0.0), (0.4, 1.0)]],
    8: [_arc(0.5, 0.24, (0.27, 0.24), 90, 450), _arc(0.5, 0.74, (0.34, 0.26), -90, 270)],
    9: [[*_arc(0.48, 0.29, (0.32, 0.29), 0, 360), (0.8, 0.29), (0.68, 1.0)]],
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


@dataclass(frozen=True, eq=False)
class GoldenImages:
    """The images of a certificate.

    Args:
        images: uint8 `(G, channels, height, width)`.
        in_distribution: how many of them, the first ones, look like what the model was trained on.
    """

    images: NDArray[np.uint8]
    in_distribution: int


def golden_images(spec: InputSpec, names: Sequence[str], pictures: NDArray[np.uint8] | None = None) -> GoldenImages:
    """The images of the parity certificate: of the user's where given, then drawn ones, hard ones last.

    Args:
        spec: of the model's input.
        names: class names: of a model of digits, three of each digit are drawn.
        pictures: of the kind that the model was trained on, uint8 `(G, channels, height, width)`; the first ones are
            taken, in blocks as large as keep the certificate below 300 KB.

    >>> spec = InputSpec(channels=1, height=28, width=28, mean=0.13, std=0.31, preprocess="mnist-digit")
    >>> golden_images(spec, "0123456789").images.shape
    (44, 1, 28, 28)
    """
    if spec.preprocess == "mnist-digit":
        digits = np.stack([draw_digit(digit, seed) for seed in range(VARIANTS) for digit in range(10)])
        drawn = np.concatenate([digits, hard_images()])[:, None]
        known = DRAWN if {*names} <= {*map(str, range(10))} else 0
    else:
        drawn, known = seeded_images(spec), 0
    if pictures is None:
        return GoldenImages(drawn[: max(8, MOST_ANSWERS // len(names))], known)
    count = min(MOST_IMAGES, max(8, MOST_ANSWERS // len(names)))
    drawn = drawn if len(drawn) + len(pictures) <= count else drawn[:: -(-2 * len(drawn) // count)]
    room = (MOST_BYTES - 2 * count * len(names) * 16 / 3) * 3 / 4 - deflated_size(drawn)
    chosen = fit_bytes(pictures[: count - len(drawn)], int(room))
    known = 0 if len(drawn) < DRAWN else known
    return GoldenImages(np.concatenate([chosen, drawn]), len(chosen) + known)


def seeded_images(spec: InputSpec) -> NDArray[np.uint8]:
    """Images that nobody took, of any shape: uniform, checkered, ramps, single pixels, noise in blocks.

    Returns:
        uint8 `(16, channels, height, width)`.

    >>> spec = InputSpec(channels=3, height=40, width=48, mean=0.5, std=0.5)
    >>> seeded_images(spec).shape
    (16, 3, 40, 48)
    """
    channels, height, width = spec.shape
    random = np.random.default_rng(SEED)
    row, column = np.mgrid[0:height, 0:width]
    pixel = np.zeros((height, width))
    pixel[height // 2, width // 2] = 255
    ramp, fall = column * 255 // (width - 1), row * 255 // (height - 1)
    ring = np.hypot(row - height / 2, column - width / 2) % (min(height, width) / 3)
    shapes = [
        np.zeros((height, width)),
        np.full((height, width), 255),
        np.full((height, width), 127),
        (row + column) % 2 * 255,
        (row * 4 // height + column * 4 // width) % 2 * 255,
        pixel,
        ramp,
        fall,
        ring * 255 / ring.max(),
    ]
    grey = [np.repeat(shape[None], channels, 0) for shape in shapes]
    mixed = np.stack([255 - ramp, fall, (row * 4 // height + column * 4 // width) % 2 * 255])[:channels]
    blocks = [block_noise(random, spec.shape, count) for count in (2, 4, 8, 8, 16, 16)]
    return np.stack([*grey, mixed, *blocks]).round().astype(np.uint8)


def block_noise(random: np.random.Generator, shape: tuple[int, int, int], count: int) -> NDArray[np.uint8]:
    """Blocks of random colours, `count` along each side: it packs well, and every filter has something to answer."""
    channels, height, width = shape
    small = random.integers(0, 256, (channels, count, count), dtype=np.uint8)
    rows, columns = np.arange(height) * count // height, np.arange(width) * count // width
    return small[:, rows][:, :, columns]


def deflated_size(images: NDArray[np.uint8]) -> int:
    """Bytes of images when deflated."""
    return len(zlib.compress(images.tobytes(), 9))


def fit_bytes(images: NDArray[np.uint8], most: int) -> NDArray[np.uint8]:
    """The images, in blocks as small as keep them within so many bytes when deflated; fewer where that isn't enough.

    Args:
        images: uint8 `(N, channels, height, width)`.
        most: bytes.
    """
    for size in (1, 2, 3, 4, 6, 8):
        rows, columns = (np.arange(side) // size * size for side in images.shape[2:])
        blocks = images[:, :, rows][:, :, :, columns]
        if deflated_size(blocks) <= most:
            return np.ascontiguousarray(blocks)
    return fit_bytes(images[: len(images) // 2], most) if len(images) > 1 else np.ascontiguousarray(blocks)
