"""Digits in the several ways that people write each of them, drawn here, to measure a model on.

`python benchmarks/handwriting.py MODEL.safetensors ...` prints the share read right, way by way. Nothing learns from
these pictures, and what training draws shares no code with them.
"""

import math
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Point = tuple[float, float]
Stroke = list[Point]

SIDE, BOX, FINE = 28, 20, 4  # pixels of the image, of the digit in it, and how much finer it's drawn
COUNT = 200  # of each way


def _curve(x: float, y: float, rx: float, ry: float, start: float, end: float) -> Stroke:
    """Part of an ellipse; angles in degrees, clockwise from the right."""
    steps = max(4, round(abs(end - start) / 12))
    turns = [math.radians(start + (end - start) * k / steps) for k in range(steps + 1)]
    return [(x + rx * math.cos(a), y + ry * math.sin(a)) for a in turns]


WAYS: dict[tuple[int, str], list[Stroke]] = {
    (0, "plain"): [_curve(0.4, 0.5, 0.38, 0.5, -80, 280)],
    (0, "narrow"): [_curve(0.4, 0.5, 0.24, 0.5, -110, 260)],
    (1, "plain"): [[(0.4, 0.0), (0.4, 1.0)]],
    (1, "flag"): [[(0.2, 0.24), (0.46, 0.0), (0.46, 1.0)]],
    (1, "flag and foot"): [[(0.18, 0.26), (0.46, 0.0), (0.46, 1.0)], [(0.14, 1.0), (0.78, 1.0)]],
    (1, "long flag"): [[(0.12, 0.45), (0.52, 0.0), (0.52, 1.0)]],
    (2, "plain"): [[*_curve(0.38, 0.28, 0.34, 0.28, 190, 385), (0.05, 1.0), (0.78, 1.0)]],
    (2, "looped"): [[*_curve(0.38, 0.28, 0.34, 0.28, 200, 410), *_curve(0.2, 0.88, 0.14, 0.1, 60, 360), (0.82, 0.98)]],
    (3, "round"): [[*_curve(0.36, 0.25, 0.32, 0.25, 200, 440), *_curve(0.36, 0.74, 0.38, 0.26, -85, 155)]],
    (3, "flat top"): [[(0.06, 0.0), (0.7, 0.0), (0.36, 0.42), *_curve(0.36, 0.71, 0.38, 0.29, -80, 155)]],
    (4, "open"): [[(0.1, 0.02), (0.06, 0.55), (0.8, 0.55)], [(0.64, 0.0), (0.6, 1.0)]],
    (4, "closed"): [[(0.6, 1.0), (0.6, 0.0), (0.02, 0.68), (0.84, 0.68)]],
    (4, "closed, long tail"): [[(0.82, 0.5), (0.04, 0.5), (0.58, 0.0), (0.56, 1.0)]],
    (5, "plain"): [[(0.72, 0.0), (0.16, 0.0), (0.12, 0.44), *_curve(0.36, 0.69, 0.36, 0.31, 230, 500)]],
    (5, "cap apart"): [[(0.18, 0.04), (0.13, 0.46), *_curve(0.36, 0.7, 0.36, 0.3, 230, 500)], [(0.24, 0), (0.78, 0)]],
    (6, "curved"): [[*_curve(0.62, 0.6, 0.54, 0.6, 270, 180), *_curve(0.4, 0.71, 0.32, 0.29, 180, 540)]],
    (6, "straight"): [[(0.58, 0.0), (0.12, 0.62), *_curve(0.4, 0.71, 0.32, 0.29, 180, 540)]],
    (7, "plain"): [[(0.02, 0.0), (0.76, 0.0), (0.32, 1.0)]],
    (7, "crossed"): [[(0.02, 0.0), (0.76, 0.0), (0.32, 1.0)], [(0.22, 0.52), (0.78, 0.52)]],
    (7, "hooked, crossed"): [[(0.04, 0.14), (0.04, 0.0), (0.76, 0.0), (0.36, 1.0)], [(0.16, 0.5), (0.8, 0.46)]],
    (8, "two rings"): [_curve(0.4, 0.24, 0.26, 0.24, 90, 450), _curve(0.4, 0.74, 0.34, 0.26, -90, 270)],
    (8, "one line"): [[*_curve(0.4, 0.25, 0.28, 0.25, -45, -270), *_curve(0.4, 0.75, 0.34, 0.25, -90, 180), (0.6, 0)]],
    (9, "curved"): [[*_curve(0.38, 0.28, 0.32, 0.28, 0, 360), *_curve(0.1, 0.4, 0.6, 0.6, -12, 80)]],
    (9, "straight back"): [[*_curve(0.38, 0.28, 0.32, 0.28, 0, 360), (0.7, 1.0)]],
    (9, "stem apart"): [_curve(0.38, 0.29, 0.32, 0.29, -20, 340), [(0.72, 0.0), (0.72, 1.0)]],
    (9, "slanted stem"): [[*_curve(0.38, 0.29, 0.34, 0.29, 0, 360), (0.5, 1.0)]],
}  # fmt: skip
"""The strokes of each way in a box as high as 1, x to the right and y down."""


def written(digit: int, way: str, seed: int) -> NDArray[np.uint8]:
    """A digit as a hand of that habit would write it.

    Args:
        digit: 0 to 9.
        way: see `WAYS`.
        seed: of slant, width, thickness and the hand's unsteadiness.

    Returns:
        uint8 `(28, 28)`, bright on black, 20 pixels high or wide, its centre of mass on pixel 14, as MNIST's are.

    >>> written(7, "crossed", 0).shape
    (28, 28)
    """
    random = np.random.default_rng([list(WAYS).index((digit, way)), seed])
    paths = [_dense(stroke) for stroke in WAYS[digit, way]]
    slant, wide, turn = random.uniform(-0.2, 0.35), random.uniform(0.65, 1.25), math.radians(random.normal(0, 6))
    unsteady, thick = random.uniform(0, 0.01), random.uniform(1.2, 4.5) * FINE
    waves = random.normal(0, 2.5, (2, 2)), random.uniform(0, 2 * math.pi, 2), random.uniform(0, 0.08, 2)
    strokes = [_bent(np.array(stroke), *waves) + random.normal(0, unsteady, (len(stroke), 2)) for stroke in paths]
    placed = [np.stack([wide * (s[:, 0] - 0.4) - slant * (s[:, 1] - 0.5), s[:, 1] - 0.5], 1) for s in strokes]
    spin = np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
    placed = [s @ spin for s in placed]
    low, high = np.concatenate(placed).min(0), np.concatenate(placed).max(0)
    scale = (BOX * FINE - thick) / max(high - low)
    return _center_by_mass(_inked([(s - (low + high) / 2) * scale for s in placed], thick))


def _dense(stroke: Stroke) -> Stroke:
    """More points on long lines, so that they can bend."""
    steps = [(a, b, max(1, round(math.dist(a, b) / 0.12))) for a, b in pairwise(stroke)]
    between = [(a[0] + (b[0] - a[0]) * k / n, a[1] + (b[1] - a[1]) * k / n) for a, b, n in steps for k in range(n)]
    return [*between, stroke[-1]]


def _bent(
    points: NDArray[np.float64], ways: NDArray[np.float64], phases: NDArray[np.float64], depths: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Along two waves, one for each axis, so that no line is straight and no ring round."""
    return points + depths * np.sin(points @ ways * 2 + phases)


def _inked(strokes: list[NDArray[np.float64]], thick: float) -> NDArray[np.float64]:
    """Ink 0..1 of a finely drawn picture; points are in its pixels, from its middle."""
    side = SIDE * FINE
    y, x = np.mgrid[0:side, 0:side] + 0.5 - side / 2
    nearest = np.full((side, side), np.inf)
    for stroke in strokes:
        for a, b in pairwise(stroke):
            dx, dy = b - a
            along = np.clip(((x - a[0]) * dx + (y - a[1]) * dy) / max(dx * dx + dy * dy, 1e-9), 0, 1)
            nearest = np.minimum(nearest, np.hypot(x - a[0] - along * dx, y - a[1] - along * dy))
    return np.clip(thick / 2 - nearest + 0.5, 0, 1)


def _center_by_mass(ink: NDArray[np.float64]) -> NDArray[np.uint8]:
    y, x = np.mgrid[0 : SIDE * FINE, 0 : SIDE * FINE] + 0.5 - SIDE * FINE / 2
    shift = [round(FINE / 2 - float((ink * axis).sum() / ink.sum())) for axis in (y, x)]
    fine = Image.fromarray(np.roll(ink, shift, (0, 1)).astype(np.float32))
    image = np.asarray(fine.resize((SIDE, SIDE), Image.Resampling.BOX), np.float64)
    return np.round(image.clip(0, 1) * 255).astype(np.uint8)


def read_right(checkpoint: Path) -> dict[tuple[int, str], float]:
    """The share of each way's pictures that a checkpoint reads right."""
    from mnistx_train.checkpoint import load_checkpoint
    from mnistx_train.evaluation.inference import log_probs

    network, card = load_checkpoint(checkpoint)
    shares = {}
    for digit, way in WAYS:
        pictures = np.stack([written(digit, way, seed) for seed in range(COUNT)])
        answers = log_probs(network, pictures, card.input).argmax(1)
        shares[digit, way] = float((answers == digit).mean())
    return shares


if __name__ == "__main__":
    found = [read_right(Path(name)) for name in sys.argv[1:]]
    for digit, way in WAYS:
        print(f"{digit} {way:<18}", *(f"{shares[digit, way]:>7.1%}" for shares in found))
    print(f"{'mean':<20}", *(f"{np.mean(list(shares.values())):>7.1%}" for shares in found))
