"""Decides what ink is in a picture: in which colour it shows, and whether it is darker or lighter than its ground."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mnistx_runtime.preprocess.top_hat import Bytes, top_hat

_SMALL = 96  # pixels a side of the copy on which it is decided
_GRID = 5  # places a side at which the ground is measured on it
_EDGE = 0.42  # say of the picture's edge in what is ink, where 0.5 would decide alone
_COLOUR_GAIN = 1.7  # how much better ink must show in one colour than in brightness
_GREY = 12  # levels that a colour differs from brightness by, at most, in a grey picture

_SQUARE = np.arange(_SMALL) * (_GRID - 1) // _SMALL
_SQUARES = ((_SQUARE[:, None] * (_GRID - 1) + _SQUARE) * 256).astype(np.int32)
"""Where the counts of each pixel's square begin: those between the places."""


class Pen(NamedTuple):
    """What ink is.

    Args:
        channel: in which it shows: 0 is brightness, 1 to 3 are red, green and blue.
        bright: it is lighter than its ground.
    """

    channel: int
    bright: bool


def channel_of(picture: Image.Image, channel: int) -> Image.Image:
    """One channel of a picture, grey.

    Args:
        picture: grey or RGB.
        channel: see `Pen`.
    """
    return picture.getchannel(channel - 1) if channel else picture.convert("L")


def pen_of(picture: Image.Image) -> Pen:
    """What ink is in a picture, from how strongly bright and dark details stand out on a small copy of it.

    Brightness is used, unless the ink shows much better in one colour, as yellow does in blue.

    Args:
        picture: grey or RGB, averaged down.
    """
    grey = channel_of(picture, 0)
    low, high = levels(grey, 0.01, 0.99)
    enough = (high - low) * _COLOUR_GAIN > 255  # no colour could show the ink so much better
    count = 1 if enough or _is_grey(picture, grey) else 4
    small = (picture if count > 1 else grey).resize((_SMALL, _SMALL), Image.Resampling.BOX)
    looks = [_first_look(channel_of(small, channel)) for channel in range(count)]
    strengths = [max(look) for look in looks]
    best = int(np.argmax(strengths))
    chosen = best if strengths[best] > _COLOUR_GAIN**2 * strengths[0] else 0
    return Pen(chosen, _is_bright(*looks[chosen], channel_of(picture, chosen)))


def levels(grey: Image.Image, *shares: float) -> list[int]:
    """The grey levels that shares of all pixels lie below."""
    below = np.cumsum(grey.histogram())
    return [int(np.searchsorted(below, int(share * (below[-1] - 1)), side="right")) for share in shares]


def _is_grey(picture: Image.Image, grey: Image.Image) -> bool:
    if picture.mode == "L":
        return True
    brightness = np.asarray(grey, np.int16)
    return all(bool(np.abs(np.asarray(colour, np.int16) - brightness).max() < _GREY) for colour in picture.split())


def _first_look(small: Image.Image) -> tuple[float, float]:
    """How strongly bright and dark details stand out, from what a square fits into and from the median around them.
    Holes between strokes differ from the first only, shadows from the second only, ink from both.
    """
    pixels = np.asarray(small)
    away = pixels - _median_around(pixels)
    bright = np.minimum(top_hat(pixels, _SMALL), np.maximum(away, 0))
    dark = np.minimum(top_hat(255 - pixels, _SMALL), np.maximum(-away, 0))
    return float(np.vdot(bright, bright)), float(np.vdot(dark, dark))


def _is_bright(bright: float, dark: float, channel: Image.Image) -> bool:
    """Whether the ink is brighter than the ground, from how both kinds of detail stand out. The picture's edge, where
    there's ground rather than ink, has a say where that is undecided, as in a thick digit cut out without a margin.
    """
    low, high = levels(channel, 0.02, 0.98)
    pixels: Bytes = np.asarray(channel)
    edge = np.sort(np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]]))
    ground = (int(edge[(edge.size - 1) // 2]) - low) / max(high - low, 1)
    return bright > (bright + dark) * (0.5 + _EDGE * (2 * ground - 1))


def _median_around(pixels: Bytes) -> NDArray[np.float32]:
    """The median of the half of the picture that lies around each pixel, from a grid of them."""
    counts = np.zeros((_GRID + 1, _GRID + 1, 256), np.int64)
    squares = np.bincount((pixels + _SQUARES).ravel(), minlength=(_GRID - 1) ** 2 * 256)
    counts[1:-1, 1:-1] = squares.reshape(_GRID - 1, _GRID - 1, 256)
    rows = counts[:-1] + counts[1:]
    below = (rows[:, :-1] + rows[:, 1:]).cumsum(2)
    medians = (below > (below[:, :, -1:] - 1) // 2).argmax(2)
    grid = Image.fromarray(medians.astype(np.float32))
    return np.asarray(grid.resize((_SMALL, _SMALL), Image.Resampling.BILINEAR))
