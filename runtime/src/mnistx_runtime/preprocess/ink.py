"""Finds the ink in a picture: how strongly each pixel stands out from the ground around it."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mnistx_runtime.preprocess.pen import Pen, channel_of
from mnistx_runtime.preprocess.top_hat import Bytes, top_hat
from mnistx_runtime.preprocess.upright import apply_turn, turn_of

Floats = NDArray[np.float32]

WORKING_SIDE = 256  # pixels of the longer side; larger pictures are averaged down to at most this
_LARGEST_SIDE = 4096  # pixels; what is larger is averaged down before anything else, to bound the memory
_DARKEST = 32  # grey level of paper in the deepest shadow in which ink is still judged by the share of light it takes
_EVERY = 4  # rows; of these the noise is measured
_OF_MEDIAN = 1.5  # a noise's mean is at most that much of its median


def turn_upright(picture: Image.Image) -> Image.Image:
    """The picture as a person sees it: turned as the camera says, opaque, in 8-bit grey ("L") or colour ("RGB").

    Args:
        picture: any mode and size.
    """
    turn = turn_of(picture)
    if picture.mode in ("I", "F") or picture.mode.startswith("I;16"):
        step = -(-max(picture.size) // _LARGEST_SIDE)
        wide = np.asarray(picture)[::step, ::step].astype(np.float32)
        low, high = min(float(wide.min()), 0.0), max(float(wide.max()), 1.0)
        picture = Image.fromarray(((wide - low) / (high - low) * 255).astype(np.uint8))
    if picture.has_transparency_data:
        picture = _opaque(_at_most(_converted(picture, "RGBA")))
    return apply_turn(_at_most(_converted(picture, "L" if picture.mode in ("1", "L") else "RGB")), turn)


def _converted(picture: Image.Image, mode: str) -> Image.Image:
    return picture if picture.mode == mode else picture.convert(mode)


def _at_most(picture: Image.Image) -> Image.Image:
    factor = -(-max(picture.size) // _LARGEST_SIDE)
    return picture.reduce(factor) if factor > 1 else picture


def average_down(picture: Image.Image, side: int = WORKING_SIDE) -> tuple[Image.Image, int]:
    """The picture averaged down to the working size.

    Args:
        picture: as `turn_upright` gives it.
        side: the working size, pixels of the longer side at most.

    Returns:
        It, and how many of the picture's pixels one of its pixels stands for along a side.
    """
    factor = -(-max(picture.size) // side)
    return (picture.reduce(factor) if factor > 1 else picture), factor


def _opaque(picture: Image.Image) -> Image.Image:
    """The picture laid on white, or on black where what is drawn on it is bright."""
    brightness, alpha = np.asarray(picture.convert("L"), np.float32), np.asarray(picture.getchannel("A"), np.float32)
    drawn = float((brightness * alpha).sum() / max(float(alpha.sum()), 1))
    ground = Image.new("RGBA", picture.size, "black" if drawn > 127 else "white")
    return Image.alpha_composite(ground, picture)


def ink_of(picture: Image.Image, pen: Pen, room: float | None = None) -> Bytes:
    """How far each pixel stands out from the ground, in grey levels.

    Dark ink is measured by the share of light that it takes from the paper, so that ink in a shadow counts as much as
    ink beside it.

    Args:
        picture: as `average_down` gives it.
        pen: what ink is.
        room: height and width that a digit has, in pixels; None for one digit's in such a picture.

    Returns:
        uint8 `(height, width)`, 0 on the ground.
    """
    many = room is not None
    room = room_of(picture.size) if room is None else room
    channel = _smooth(channel_of(picture, pen.channel), room, many)
    if pen.bright:
        return top_hat(channel, room)
    ink = top_hat(255 - channel, room)
    share = np.float32(255) / np.maximum(channel + ink, np.uint8(_DARKEST))
    taken: Bytes = np.rint(ink * share).astype(np.uint8)
    return taken


def room_of(shape: tuple[int, ...]) -> float:
    """The room that one digit has in a picture, in pixels: its shorter side, unless it is cut out as narrow as a 1.

    Args:
        shape: ends in height and width.
    """
    return max(min(shape[-2:]), 0.6 * max(shape[-2:]))


def quantile(values: NDArray[np.generic], share: float) -> float:
    """The value that a share of all values lies below; np.median and np.percentile load numpy.ma for it."""
    rank = int(share * (values.size - 1))
    return float(np.partition(values, rank, axis=None)[rank])


def _smooth(channel: Image.Image, room: float, many: bool) -> Bytes:
    """Less noise: the more of it there is, the wider the blur; a clean picture stays as it is. The strokes of many
    digits raise the mean of what counts as noise, and not its median.
    """
    pixels = np.asarray(channel)
    some = pixels[::_EVERY].astype(np.int16)
    curvature = np.abs(some[:, 1:-1] * 2 - some[:, :-2] - some[:, 2:])
    noise = float(curvature.mean()) if curvature.size else 0.0
    if many and curvature.size:
        noise = min(noise, _OF_MEDIAN * quantile(curvature, 0.5))
    radius = room / 150 * min(noise / 8, 2)
    if radius < 0.3:
        return pixels
    from PIL import ImageFilter

    return np.asarray(channel.filter(ImageFilter.GaussianBlur(radius)))
