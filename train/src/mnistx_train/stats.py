"""Mean, standard deviation and balance of a data set."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BATCH = 1000


@dataclass(frozen=True)
class PixelStats:
    """Of pixels scaled to 0..1.

    Args:
        count: images.
        mean: of all their pixels.
        std: population standard deviation.
    """

    count: int
    mean: float
    std: float


def pixel_stats(images: NDArray[np.uint8]) -> PixelStats:
    """Go through the images in batches, adding up their pixels and the squares of them.

    The sums are integers and so exact: mean = S1 / n, variance = S2 / n - mean^2.

    Args:
        images: uint8 `(N, 28, 28)`.

    >>> pixel_stats(np.array([[[0, 255]]], np.uint8))
    PixelStats(count=1, mean=0.5, std=0.5)
    """
    total = squares = 0
    for at in range(0, len(images), BATCH):
        batch = images[at : at + BATCH].astype(np.int64)
        total += int(batch.sum())
        squares += int((batch * batch).sum())
    mean = total / images.size
    return PixelStats(len(images), mean / 255, (squares / images.size - mean * mean) ** 0.5 / 255)


def class_balance(labels: NDArray[np.int64], classes: int) -> list[int]:
    """How many images each class has.

    >>> class_balance(np.array([0, 2, 2]), 3)
    [1, 0, 2]
    """
    return [int(count) for count in np.bincount(labels, minlength=classes)]
