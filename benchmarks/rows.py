"""How many rows of five digits are read wholly right: `python benchmarks/rows.py`.

The digits are those of the validation split, written side by side and photographed. Above the shares stands what the
model's accuracy on the same images one by one, raised to the fifth power, would give: what reading the row can reach.
"""

import io
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mnistx_runtime import PredictionRefused, Predictor
from mnistx_train.datasets import source, training_data
from photos import DISTURBANCES, photograph

ROWS = 300
LENGTH = 5
STRENGTHS = (0.0, 0.5)


def side_by_side(digits: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.uint8]:
    """Digits in a row, 1 to 10 of MNIST's pixels between one's ink and the next one's, up to 2 higher or lower.

    Args:
        digits: uint8 `(N, 28, 28)`.
        random: draws the gaps.

    Returns:
        uint8 `(28, width)`.
    """
    parts = []
    for digit in digits:
        columns = np.flatnonzero(digit.max(0) > 60)
        inked = np.roll(digit, random.integers(-2, 3), axis=0)[:, columns[0] : columns[-1] + 1]
        parts += [np.zeros((28, random.integers(1, 11)), np.uint8), inked]
    return np.concatenate([*parts[1:]], axis=1)


def rows(strength: float) -> Iterator[tuple[str, Image.Image]]:
    """Every row's text and picture, each with another disturbance."""
    data = training_data(source("mnist", download=False)).validation
    random = np.random.default_rng(5)
    for number in range(ROWS):
        chosen = random.integers(0, len(data), LENGTH)
        row = np.pad(side_by_side(data.images[chosen, 0], random), ((0, 0), (4, 4)))
        scene = DISTURBANCES[number % len(DISTURBANCES)].scene(strength)
        yield "".join(str(data.labels[i]) for i in chosen), Image.open(io.BytesIO(photograph(row, scene, number)))


def read(predictor: Predictor, picture: Image.Image) -> str:
    """What the row says; empty where it is refused."""
    try:
        return predictor.predict_many(picture, min_confidence=0).text
    except PredictionRefused:
        return ""


if __name__ == "__main__":
    predictor = Predictor()
    data = training_data(source("mnist", download=False)).validation
    alone = float((predictor.log_probs(data.images).argmax(1) == data.labels).mean())
    print(f"one digit at a time {alone:.2%}, to the power of {LENGTH} {alone**LENGTH:.1%}")
    for strength in STRENGTHS:
        pairs = [(text, read(predictor, picture)) for text, picture in rows(strength)]
        right = sum(text == found for text, found in pairs) / ROWS
        counted = sum(len(text) == len(found) for text, found in pairs) / ROWS
        print(f"disturbances at {strength:.0%}: {right:.1%} of {ROWS} rows wholly right, {counted:.1%} cut rightly")
