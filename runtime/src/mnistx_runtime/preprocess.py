"""Makes of any picture of one digit the image that MNIST would have made of it.

MNIST's own protocol (LeCun, Cortes, Burges, "The MNIST database of handwritten digits"): the digit, bright on black,
was scaled into a 20x20 box with its aspect kept, with grey levels from antialiasing, and placed in a 28x28 image so
that its centre of mass lies in the middle.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from mnistx_runtime.errors import PredictionRefused

VERSION = 1
SIDE = 28
BOX = 20

_WORKING_SIDE = 512  # pixels; larger pictures are averaged down to at most this
_MIN_CONTRAST = 24  # grey levels of 255 between ground and ink
_GRID = 16  # cells a side in which the brightness of the ground is measured
_CELL = 12  # pixels a side of such a cell

_Floats = NDArray[np.float32]


def image_from_picture(picture: Image.Image) -> NDArray[np.uint8]:
    """The 28x28 image of the digit in a picture.

    Args:
        picture: any mode and size, ink darker or lighter than its ground.

    Returns:
        uint8 `(28, 28)`, 0..255, bright ink on black. A 28x28 grey picture on a dark ground, as MNIST's are, comes
        back unchanged.

    Raises:
        PredictionRefused: there's no ink on it.

    >>> page = Image.new("L", (200, 300), 255)
    >>> page.paste(0, (90, 50, 110, 250))
    >>> image = image_from_picture(page)
    >>> image.shape, int(image[14, 14]), int(image[14, 2])
    ((28, 28), 255, 0)
    """
    grey = _grey(picture)
    if grey.max() - grey.min() < _MIN_CONTRAST:
        raise PredictionRefused("no ink found: the picture is of one brightness")
    if grey.shape == (SIDE, SIDE) and _quantile(_border(grey), 0.5) < 64:
        return grey.astype(np.uint8)
    ink = _ink(grey)
    threshold = _otsu(ink)
    rows, columns = np.nonzero(ink > threshold)
    if threshold < _MIN_CONTRAST / 2 or not len(rows):
        raise PredictionRefused("no ink found: nothing stands out from the ground")
    crop = ink[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    full = _quantile(ink[rows, columns], 0.5)
    levels = np.clip((crop - threshold / 2) / (full - threshold / 2), 0, 1)
    return _centred(_scaled(levels))


def _grey(picture: Image.Image) -> _Floats:
    """Brightness 0..255 of the upright, opaque picture, averaged down to the working size."""
    picture = ImageOps.exif_transpose(picture)
    if picture.mode in ("I", "F") or picture.mode.startswith("I;16"):
        wide = np.asarray(picture, np.float32)
        top = 65535 if picture.mode != "F" else max(float(wide.max()), 1)
        picture = Image.fromarray((np.clip(wide / top, 0, 1) * 255).astype(np.uint8))
    if picture.has_transparency_data:
        picture = _opaque(picture.convert("RGBA"))
    picture = picture.convert("L")
    factor = -(-max(picture.size) // _WORKING_SIDE)
    if factor > 1:
        picture = picture.reduce(factor)
    return np.asarray(picture, np.float32)


def _opaque(picture: Image.Image) -> Image.Image:
    """The picture laid on white, or on black where what is drawn on it is bright."""
    brightness, alpha = (
        np.asarray(picture.convert("L"), np.float32),
        np.asarray(picture.getchannel("A"), np.float32),
    )
    drawn = float((brightness * alpha).sum() / max(float(alpha.sum()), 1))
    ground = Image.new("RGBA", picture.size, "black" if drawn > 127 else "white")
    return Image.alpha_composite(ground, picture)


def _quantile(values: _Floats, share: float) -> float:
    """The value that a share of all values lies below; np.median and np.percentile load numpy.ma for it."""
    rank = int(share * (values.size - 1))
    return float(np.partition(values, rank, axis=None)[rank])


def _border(grey: _Floats) -> _Floats:
    return np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])


def _ink(grey: _Floats) -> _Floats:
    """How much brighter or darker than the ground around it each pixel is, whichever the ink is."""
    middle = (_quantile(grey, 0.01) + _quantile(grey, 0.99)) / 2
    bright = grey if _quantile(_border(grey), 0.5) < middle else 255 - grey
    height, width = grey.shape
    smooth = Image.fromarray(_lowest_around(_cells(bright))).resize((width, height), Image.Resampling.BILINEAR)
    ink: _Floats = np.clip(bright - np.asarray(smooth), 0, 255)
    return ink


def _cells(bright: _Floats) -> _Floats:
    """The 20th percentile of brightness in each cell of a grid over the picture."""
    fine = np.asarray(Image.fromarray(bright).resize((_GRID * _CELL, _GRID * _CELL), Image.Resampling.BOX))
    blocks = fine.reshape(_GRID, _CELL, _GRID, _CELL).transpose(0, 2, 1, 3).reshape(_GRID, _GRID, -1)
    rank = blocks.shape[2] // 5
    return np.partition(blocks, rank, axis=2)[:, :, rank]


def _lowest_around(cells: _Floats) -> _Floats:
    """The minimum over each cell and its eight neighbours: a stroke as wide as a cell doesn't count as ground."""
    height, width = cells.shape
    padded = np.pad(cells, 1, mode="edge")
    lowest: _Floats = np.min([padded[y : y + height, x : x + width] for y in range(3) for x in range(3)], axis=0)
    return lowest


def _otsu(ink: _Floats) -> float:
    """The threshold between two classes of brightness (Otsu 1979: largest variance between the classes)."""
    counts = np.bincount(ink.astype(np.uint8).ravel(), minlength=256).astype(np.float64)
    below, levels = np.cumsum(counts), np.arange(256)
    mass = np.cumsum(counts * levels)
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (mass / below - (mass[-1] - mass) / above) ** 2
    between = np.nan_to_num(between)
    return float(np.flatnonzero(between == between.max()).mean())  # clean pictures have a plateau of best thresholds


def _scaled(levels: _Floats) -> _Floats:
    """The digit scaled to fit the 20x20 box, antialiased, its aspect kept."""
    height, width = levels.shape
    scale = BOX / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = Image.fromarray(levels).resize(size, Image.Resampling.BOX if scale < 1 else Image.Resampling.BICUBIC)
    return np.clip(np.asarray(small, np.float32), 0, 1)


def _centred(digit: _Floats) -> NDArray[np.uint8]:
    """The digit on 28x28 black, its centre of mass in the middle, as far as it stays inside."""
    height, width = digit.shape
    mass = max(float(digit.sum()), 1e-6)
    top = (SIDE - 1) / 2 - float((digit.sum(1) * np.arange(height)).sum()) / mass
    left = (SIDE - 1) / 2 - float((digit.sum(0) * np.arange(width)).sum()) / mass
    y, x = int(np.clip(round(top), 0, SIDE - height)), int(np.clip(round(left), 0, SIDE - width))
    image = np.zeros((SIDE, SIDE), np.uint8)
    image[y : y + height, x : x + width] = np.round(digit * 255).astype(np.uint8)
    return image
