"""Mean, standard deviation and balance of a data set."""

from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

BATCH_PIXELS = 1000 * 28 * 28


@dataclass(frozen=True)
class PixelStats:
    """Of pixels scaled to 0..1.

    Args:
        count: images.
        mean: of all their pixels, a number a channel.
        std: population standard deviation, likewise.
    """

    count: int
    mean: tuple[float, ...]
    std: tuple[float, ...]


def pixel_stats(images: NDArray[np.uint8]) -> PixelStats:
    """Go through the images in batches, adding up their pixels and the squares of them.

    The sums are integers and so exact: mean = S1 / n, variance = S2 / n - mean^2.

    Args:
        images: uint8 `(N, channels, height, width)`.

    >>> pixel_stats(np.array([[[[0, 255]], [[51, 51]]]], np.uint8))
    PixelStats(count=1, mean=(0.5, 0.2), std=(0.5, 0.0))
    """
    count, channels, height, width = images.shape
    totals, squares = np.zeros(channels, np.int64), np.zeros(channels, np.int64)
    step = max(1, BATCH_PIXELS // prod(images.shape[1:]))
    for at in range(0, count, step):
        batch = images[at : at + step].astype(np.int64)
        totals += batch.sum((0, 2, 3))
        squares += (batch * batch).sum((0, 2, 3))
    pixels = count * height * width
    means = [int(total) / pixels for total in totals]
    variances = [max(0.0, int(square) / pixels - mean * mean) for square, mean in zip(squares, means, strict=True)]
    return PixelStats(count, tuple(mean / 255 for mean in means), tuple(variance**0.5 / 255 for variance in variances))


def class_balance(labels: NDArray[np.int64], classes: int) -> list[int]:
    """How many images each class has.

    >>> class_balance(np.array([0, 2, 2]), 3)
    [1, 0, 2]
    """
    return [int(count) for count in np.bincount(labels, minlength=classes)]
