"""Connected components of a mask, with numpy alone."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Components(NamedTuple):
    """The 8-connected pieces of a mask.

    Args:
        labels: int32 `(height, width)`; -1 on the ground, else the piece's index.
        areas: pixels of each piece.
        boxes: int `(pieces, 4)`: top, left, bottom, right, the last two exclusive.
    """

    labels: NDArray[np.int32]
    areas: NDArray[np.int64]
    boxes: NDArray[np.int64]


def components(mask: NDArray[np.bool_]) -> Components:
    """Label a mask by its horizontal runs: runs that touch in neighbouring rows are merged until nothing changes.

    Args:
        mask: `(height, width)`.

    >>> components(np.array([[1, 0, 1], [0, 1, 0], [0, 0, 0], [1, 0, 0]], bool)).areas.tolist()
    [3, 1]
    """
    height, width = mask.shape
    rows, starts, ends = runs(mask)
    stride = width + 2
    first = np.searchsorted(rows * stride + ends, (rows + 1) * stride + starts)
    last = np.searchsorted(rows * stride + starts, (rows + 1) * stride + ends, side="right")
    counts = np.maximum(last - first, 0)
    before = np.cumsum(counts) - counts
    upper = np.repeat(np.arange(len(rows)), counts)
    lower = np.arange(len(upper)) + np.repeat(first - before, counts)
    root = np.arange(len(rows))
    while True:
        lowest = np.minimum(root[upper], root[lower])
        merged = root.copy()
        np.minimum.at(merged, root[upper], lowest)
        np.minimum.at(merged, root[lower], lowest)
        merged = merged[merged]
        if (merged == root).all():
            break
        root = merged
    is_first = root == np.arange(len(rows))
    piece = (np.cumsum(is_first) - 1)[root]
    found = int(np.count_nonzero(is_first))
    boxes = np.empty((found, 4), np.int64)
    boxes[:, :2], boxes[:, 2:] = max(height, width), 0
    np.minimum.at(boxes[:, 0], piece, rows)
    np.minimum.at(boxes[:, 1], piece, starts)
    np.maximum.at(boxes[:, 2], piece, rows + 1)
    np.maximum.at(boxes[:, 3], piece, ends)
    labels = np.full((height, width), -1, np.int32)
    labels[mask] = np.repeat(piece, ends - starts)
    areas = np.bincount(piece, ends - starts, found).astype(np.int64)
    return Components(labels, areas, boxes)


def runs(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Row, first column and end of each level run of a mask, row by row.

    Args:
        mask: `(height, width)`.
    """
    height, width = mask.shape
    padded = np.zeros((height, width + 2), np.bool_)
    padded[:, 1:-1] = mask
    at = np.flatnonzero(padded[:, 1:] != padded[:, :-1])
    starts, ends = at[::2], at[1::2]
    rows = starts // (width + 1)
    return rows, starts - rows * (width + 1), ends - rows * (width + 1)
