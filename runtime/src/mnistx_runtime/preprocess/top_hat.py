"""The white top-hat by a square: what is brighter than its surroundings and narrower than the square."""

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]

_OPENING = 0.3  # side of the square that strokes are narrower than, as a share of the room that a digit has


def top_hat(bright: Bytes, room: float) -> Bytes:
    """What a square doesn't fit into: strokes, but neither shadows nor the paper.

    Args:
        bright: `(height, width)`; beyond its edges it goes on as there.
        room: height and width that a digit has, in pixels.
    """
    size = max(3, round(room * _OPENING))
    height, width = bright.shape
    padded = np.empty((height + 2 * size, width + 2 * size), np.uint8)
    middle = padded[size:-size]
    middle[:, size:-size] = bright
    middle[:, :size] = bright[:, :1]
    middle[:, -size:] = bright[:, -1:]
    padded[:size], padded[-size:] = middle[0], middle[-1]
    opened = _running(_running(padded, size, np.minimum), size, np.maximum)[1:-1, 1:-1]
    details: Bytes = bright - np.minimum(bright, opened)
    return details


def _running(values: Bytes, size: int, extreme: np.ufunc) -> Bytes:
    """The extreme over each square of this size that lies inside, by doubling; smaller than the values by size - 1."""
    length = 1
    while length < size:
        step = min(length, size - length)
        values = extreme(values[:-step], values[step:])
        values = extreme(values[:, :-step], values[:, step:])
        length += step
    return values
