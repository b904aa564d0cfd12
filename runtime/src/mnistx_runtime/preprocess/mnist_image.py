"""From the ink of one digit to the 28x28 image, as MNIST's protocol has it.

LeCun, Cortes, Burges, "The MNIST database of handwritten digits": the digit, bright on black, was scaled into a 20x20
box with its aspect kept, with grey levels from antialiasing, and placed in a 28x28 image so that its centre of mass
lies in the middle. In its 55,000 training images that is the middle of pixel 14 to within half a pixel, not the edge
between 13 and 14, and half of the pixels of a stroke are saturated.
"""

from math import ceil

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mnistx_runtime.preprocess.ink import Floats, quantile
from mnistx_runtime.preprocess.segmentation import Patch

SIDE = 28
BOX = 20

_LARGEST = 384  # pixels of a digit's longer side; more shows nothing in the box, and takes time by the cube
_MIDDLE = 14  # the row and column of MNIST's centres of mass
_SATURATED = 0.5  # share of a stroke's pixels
_STROKE = (2.0, 4.2)  # pixels of the 20x20 box: strokes outside are thickened or thinned


def image_from_patch(digit: Patch) -> NDArray[np.uint8]:
    """The image that MNIST would have made of a digit: uint8 `(28, 28)`, bright ink on black."""
    return _center_by_mass(_scale_to_box(_adjust_stroke_width(*_average_down(digit.levels, digit.mask))))


def _average_down(levels: Floats, mask: NDArray[np.bool_]) -> tuple[Floats, NDArray[np.bool_]]:
    factor = ceil(max(mask.shape) / _LARGEST)
    if factor == 1:
        return levels, mask
    small = (np.asarray(Image.fromarray(part).reduce(factor)) for part in (levels, mask.astype(np.float32)))
    levels, share = small
    return levels, share >= min(0.5, float(share.max()))


def stroke_width(mask: NDArray[np.bool_]) -> float:
    """How wide the strokes are, in pixels of the 20x20 box: the area over half the outline.

    Args:
        mask: `(height, width)` of a digit's box.

    >>> round(stroke_width(np.ones((40, 4), bool)))
    2
    """
    outline = int(np.count_nonzero(mask[1:] != mask[:-1]) + np.count_nonzero(mask[:, 1:] != mask[:, :-1]))
    outline += sum(int(np.count_nonzero(side)) for side in (mask[0], mask[-1], mask[:, 0], mask[:, -1]))
    width = 2.5 * int(mask.sum()) / outline  # slanted outlines count 1.27 times
    return float(width * BOX / max(mask.shape))


def _adjust_stroke_width(levels: Floats, mask: NDArray[np.bool_]) -> Floats:
    """Strokes thickened or thinned to a width that survives the scaling."""
    width = stroke_width(mask)
    wanted = min(max(width, _STROKE[0]), _STROKE[1])
    steps = round((wanted - width) / 2 * max(mask.shape) / BOX)
    extreme = np.maximum if steps > 0 else np.minimum
    if steps > 0:
        levels = np.pad(levels, steps)
    for step in range(abs(steps)):
        levels = _extreme_around(levels, extreme, corners=step % 2 == 1)
    return levels


def _extreme_around(levels: Floats, extreme: np.ufunc, corners: bool) -> Floats:
    """The extreme of each pixel and the four beside it, or the eight around it."""
    found = levels.copy()
    extreme(found[1:], levels[:-1], out=found[1:])
    extreme(found[:-1], levels[1:], out=found[:-1])
    source = found.copy() if corners else levels
    extreme(found[:, 1:], source[:, :-1], out=found[:, 1:])
    extreme(found[:, :-1], source[:, 1:], out=found[:, :-1])
    return found


def _scale_to_box(levels: Floats) -> Floats:
    """The digit scaled to fit the 20x20 box, antialiased, its aspect kept: not rounded to whole pixels."""
    height, width = levels.shape
    scale = BOX / max(height, width)
    columns, rows = (ceil(round(side * scale, 3)) for side in (width, height))
    right, bottom = columns / scale, rows / scale  # beyond the ink where it covers the last of them in part
    room = np.zeros((ceil(bottom), ceil(right)), np.float32)
    room[:height, :width] = levels
    resampling = Image.Resampling.BOX if scale < 1 else Image.Resampling.BICUBIC
    small = Image.fromarray(room).resize((columns, rows), resampling, box=(0, 0, right, bottom))
    digit = np.clip(np.asarray(small, np.float32), 0, 1)
    core = digit[digit > 0.3]
    full = quantile(core, 1 - _SATURATED) if len(core) else 1.0
    brightened: Floats = np.clip(digit / full, 0, 1)
    return brightened


def _center_by_mass(digit: Floats) -> NDArray[np.uint8]:
    """The digit on 28x28 black, its centre of mass in the middle, as far as it stays inside."""
    height, width = digit.shape
    mass = max(float(digit.sum()), 1e-6)
    top = _MIDDLE - float((digit.sum(1) * np.arange(height)).sum()) / mass
    left = _MIDDLE - float((digit.sum(0) * np.arange(width)).sum()) / mass
    y, x = int(np.clip(round(top), 0, SIDE - height)), int(np.clip(round(left), 0, SIDE - width))
    image = np.zeros((SIDE, SIDE), np.uint8)
    image[y : y + height, x : x + width] = np.round(digit * 255).astype(np.uint8)
    return image
