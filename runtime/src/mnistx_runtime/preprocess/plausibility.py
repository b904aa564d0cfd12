"""Whether ink can be a digit at all. Only what no digit looks like is turned down; letters, for one, are not."""

from collections.abc import Sequence
from math import inf
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnistx_runtime.preprocess.components import components
from mnistx_runtime.preprocess.mnist_image import SIDE, stroke_width
from mnistx_runtime.preprocess.segmentation import Patch, Segmentation

_MOST_PIECES = 3  # of 4 pixels and more; MNIST's 60,000 training images: 99.9% have fewer
_MOST_HOLES = 3  # of 2 pixels and more; likewise
_MOST_INK = 245  # of 784 pixels
_WIDEST_STROKE = 7.5  # pixels of the 20x20 box
_CLEAR = 0.45  # see `_clarity`; benchmarks/photos.py, however bad, shows 0.61 and more, crops of landscapes 0.45
_CLEAR_FILLING = 0.56  # of what covers much of the picture; digits cut out without a margin show 0.59 and more
_NEARLY = 0.3  # that ink may lack of it, as a dim and soft picture does, where the answer is sure
_SURE = 0.98  # of such an answer; benchmarks/real_pictures.py


class Verdict(NamedTuple):
    """Whether ink can be a digit.

    Args:
        rejection_reason: why it is none; None if it may be one.
        rejected_below: the probability from which on the answer is given in spite of that reason.
    """

    rejection_reason: str | None = None
    rejected_below: float = inf


def judge(found: Segmentation, digits: Sequence[Patch], images: Sequence[NDArray[np.uint8]]) -> list[Verdict]:
    """Whether each of some digits can be one.

    Args:
        found: all the ink of the picture.
        digits: the ink of each.
        images: uint8 `(28, 28)`, made of each.
    """
    stack = np.stack(images)
    inked = stack.sum((1, 2), dtype=np.int64)
    pieces = _count_pieces(stack > 100, 4)
    ground = np.ones((len(stack), SIDE + 2, SIDE + 2), np.bool_)
    ground[:, 1:-1, 1:-1] = stack <= 60
    holes = _count_pieces(ground, 2) - 1
    verdicts = []
    for digit, ink, parts, enclosed in zip(digits, inked, pieces, holes, strict=True):
        if stroke_width(digit.mask) > _WIDEST_STROKE or ink > _MOST_INK * 255:
            verdict = Verdict("no digit found: a solid shape, not pen strokes")
        elif parts > _MOST_PIECES:
            verdict = Verdict(f"no digit found: the ink lies about in {parts} pieces")
        elif enclosed > _MOST_HOLES:
            verdict = Verdict(f"no digit found: the strokes enclose {enclosed} holes")
        elif (lacking := _lacking_clarity(found, digit)) > 0:
            why = "no digit found: light and dark run into each other, as nowhere on paper with a pen"
            verdict = Verdict(why, _SURE if lacking <= _NEARLY else inf)
        else:
            verdict = Verdict()
        verdicts.append(verdict)
    return verdicts


def _count_pieces(masks: NDArray[np.bool_], smallest: int) -> NDArray[np.int64]:
    """How many connected pieces of some pixels and more each of `(N, height, width)` masks has."""
    count, height, width = masks.shape
    rows = np.zeros((count, height + 1, width), np.bool_)  # a free row keeps them apart
    rows[:, :-1] = masks
    found = components(rows.reshape(-1, width))
    return np.bincount(found.boxes[found.areas >= smallest, 0] // (height + 1), minlength=count)


def _lacking_clarity(found: Segmentation, digit: Patch) -> float:
    """How much less distinct the ink is than a digit's is, at least."""
    return (_CLEAR_FILLING if _fills_the_picture(digit, found.ink.shape) else _CLEAR) - _clarity(found, digit)


def _clarity(found: Segmentation, digit: Patch) -> float:
    """How distinct ink is from ground, 0..1, less how uneven it is itself (standard deviation over mean)."""
    height, width = digit.mask.shape
    ink = found.ink[digit.top : digit.top + height, digit.left : digit.left + width][digit.mask]
    return found.distinctness - float(ink.std() / max(ink.mean(), 1))


def _fills_the_picture(digit: Patch, shape: tuple[int, ...]) -> bool:
    """Whether it covers more than a quarter of the picture, or is cut off by its edge."""
    height, width = shape
    edges = (
        (digit.top == 0, digit.mask[0]),
        (digit.left == 0, digit.mask[:, 0]),
        (digit.top + digit.mask.shape[0] == height, digit.mask[-1]),
        (digit.left + digit.mask.shape[1] == width, digit.mask[:, -1]),
    )
    cut = sum(int(line.sum()) for touches, line in edges if touches)
    return bool(digit.mask.sum() > height * width / 4 or cut > 0.02 * 2 * (height + width))
