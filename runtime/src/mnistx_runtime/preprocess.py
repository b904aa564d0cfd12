"""Makes of any picture of one digit the image that MNIST would have made of it.

MNIST's own protocol (LeCun, Cortes, Burges, "The MNIST database of handwritten digits"): the digit, bright on black,
was scaled into a 20x20 box with its aspect kept, with grey levels from antialiasing, and placed in a 28x28 image so
that its centre of mass lies in the middle.
"""

from itertools import pairwise

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
    if grey.shape == (SIDE, SIDE) and np.median(_border(grey)) < 64:
        return grey.astype(np.uint8)
    ink = _ink(grey)
    threshold = _otsu(ink)
    rows, columns = np.nonzero(ink > threshold)
    if threshold < _MIN_CONTRAST / 2 or not len(rows):
        raise PredictionRefused("no ink found: nothing stands out from the ground")
    crop = ink[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    full = np.percentile(ink[rows, columns], 50)
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


def _border(grey: _Floats) -> _Floats:
    return np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])


def _ink(grey: _Floats) -> _Floats:
    """How much brighter or darker than the ground around it each pixel is, whichever the ink is."""
    low, high = np.percentile(grey, [1, 99])
    bright = grey if np.median(_border(grey)) < (low + high) / 2 else 255 - grey
    height, width = grey.shape
    cells = [
        [np.percentile(bright[y0:y1, x0:x1], 20) for x0, x1 in _spans(width, min(_GRID, width))]
        for y0, y1 in _spans(height, min(_GRID, height))
    ]
    ground = _lowest_around(np.array(cells, np.float32))
    smooth = Image.fromarray(ground).resize((width, height), Image.Resampling.BILINEAR)
    ink: _Floats = np.clip(bright - np.asarray(smooth), 0, 255)
    return ink


def _spans(length: int, count: int) -> list[tuple[int, int]]:
    edges = [length * i // count for i in range(count + 1)]
    return list(pairwise(edges))


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
    return float(np.nan_to_num(between).argmax())


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
