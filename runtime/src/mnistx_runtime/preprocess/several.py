"""Whether ink is of more than one digit: side by side, or in rows."""

import numpy as np
from numpy.typing import NDArray

SEVERAL = "more than one digit found; cut out the one to read, or read all of them with --many"

_HEAVY = 0.35  # of the heaviest piece's ink: what is lighter is a part of a digit, or dirt
_TALL = 0.6  # of the tallest piece's height, likewise
_WIDE = 1.15  # heights of two that stand side by side
WIDEST = 2.3  # heights: none of MNIST's 60,000 training images is that wide
_UPRIGHT = 1.0  # widths that a digit is high, at least: halves of a broken one are lower
_ROWS_APART = 0.1  # heights of a digit between two rows
_MOST = 64  # pieces that are looked at


def are_several(boxes: NDArray[np.int64], weight: NDArray[np.float64]) -> bool:
    """Whether the heavy pieces are of several digits.

    Args:
        boxes: int `(pieces, 4)`, top, left, bottom, right.
        weight: `(pieces,)`, the ink of each.
    """
    heavy = boxes[weight >= _HEAVY * weight.max()]
    heights = heavy[:, 2] - heavy[:, 0]
    tall = heavy[heights >= _TALL * heights.max()]
    if len(tall) < 2:
        return False
    tall = tall[:_MOST]
    return _are_side_by_side(tall) or _are_in_rows(tall)


def _are_side_by_side(tall: NDArray[np.int64]) -> bool:
    """Whether two stand beside each other, together wider than a digit is."""
    top, left, bottom, right = tall.T
    beside = np.minimum.outer(bottom, bottom) - np.maximum.outer(top, top) > 0
    apart = left[None, :] >= right[:, None]
    width = np.maximum.outer(right, right) - np.minimum.outer(left, left)
    height = np.maximum.outer(bottom, bottom) - np.minimum.outer(top, top)
    return bool((beside & apart & (width > _WIDE * height)).any())


def _are_in_rows(tall: NDArray[np.int64]) -> bool:
    """Whether two stand in rows, each as upright as a digit is."""
    top, left, bottom, right = tall.T
    height = bottom - top
    upright = height >= _UPRIGHT * (right - left)
    gap = top[None, :] - bottom[:, None]
    apart = gap >= _ROWS_APART * np.minimum.outer(height, height)
    return bool((apart & upright[:, None] & upright[None, :]).any())
