"""Finds the ink in a picture: how strongly each pixel stands out from the ground around it."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mnistx_runtime.preprocess.upright import apply_turn, turn_of

Floats = NDArray[np.float32]

WORKING_SIDE = 384  # pixels of the longer side; larger pictures are averaged down to at most this
_LARGEST_SIDE = 4096  # pixels; what is larger is averaged down before anything else, to bound the memory
_OPENING = 0.3  # side of the square that strokes are narrower than, as a share of the room that a digit has
_SMALL = 96  # pixels a side of the copy on which polarity and colour are decided
_GRID = 5  # places a side at which the ground is measured on it
_DARKEST = 32  # grey level of paper in the deepest shadow in which ink is still judged by the share of light it takes
_EDGE = 0.42  # say of the picture's edge in what is ink, where 0.5 would decide alone
_OF_MEDIAN = 1.5  # a noise's mean is at most that much of its median; strokes raise the mean alone
_COLOUR_GAIN = 1.7  # how much better ink must show in one colour than in brightness


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


def channels_of(picture: Image.Image, side: int = WORKING_SIDE) -> tuple[Floats, int]:
    """Brightness, then red, green and blue, averaged down to the working size.

    Args:
        picture: as `turn_upright` gives it.
        side: the working size, pixels of the longer side at most.

    Returns:
        float32 `(4, height, width)`, 0..255, and how many of the picture's pixels one of them stands for along a side.
    """
    factor = -(-max(picture.size) // side)
    if factor > 1:
        picture = picture.reduce(factor)
    grey = np.asarray(picture.convert("L"), np.float32)
    if picture.mode == "L":
        return np.broadcast_to(grey, (4, *grey.shape)), factor
    return np.concatenate([grey[None], np.asarray(picture, np.float32).transpose(2, 0, 1)]), factor


def _opaque(picture: Image.Image) -> Image.Image:
    """The picture laid on white, or on black where what is drawn on it is bright."""
    brightness, alpha = np.asarray(picture.convert("L"), np.float32), np.asarray(picture.getchannel("A"), np.float32)
    drawn = float((brightness * alpha).sum() / max(float(alpha.sum()), 1))
    ground = Image.new("RGBA", picture.size, "black" if drawn > 127 else "white")
    return Image.alpha_composite(ground, picture)


def ink_of(channels: Floats, room: float | None = None) -> Floats:
    """How far each pixel stands out from the ground, in grey levels, whichever of the two is darker.

    Brightness is used, unless the ink shows much better in one colour, as yellow does in blue. Dark ink is measured by
    the share of light that it takes from the paper, so that ink in a shadow counts as much as ink beside it.

    Args:
        channels: as `channels_of` gives them.
        room: height and width that a digit has, in pixels; None for one digit's in such a picture.

    Returns:
        float32 `(height, width)`, 0 on the ground.
    """
    low, high = _levels(channels[0], 0.01, 0.99)
    enough = (high - low) * _COLOUR_GAIN > 255  # no colour could show the ink so much better
    looks = [_first_look(channel) for channel in (channels[:1] if enough or _is_grey(channels) else channels)]
    strengths = [max(look) for look in looks]
    best = int(np.argmax(strengths))
    chosen = best if strengths[best] > _COLOUR_GAIN**2 * strengths[0] else 0
    bright, dark = looks[chosen]
    room = room_of(channels.shape) if room is None else room
    channel = _smooth(channels[chosen], room)
    if _is_bright(bright, dark, channels[chosen]):
        return _top_hat(channel, room)
    ink = _top_hat(255 - channel, room)
    taken: Floats = ink * (255 / np.maximum(channel + ink, _DARKEST))
    return taken


def room_of(shape: tuple[int, ...]) -> float:
    """The room that one digit has in a picture, in pixels: its shorter side, unless it is cut out as narrow as a 1.

    Args:
        shape: ends in height and width.
    """
    return max(min(shape[-2:]), 0.6 * max(shape[-2:]))


def quantile(values: Floats, share: float) -> float:
    """The value that a share of all values lies below; np.median and np.percentile load numpy.ma for it."""
    rank = int(share * (values.size - 1))
    return float(np.partition(values, rank, axis=None)[rank])


def _levels(grey: Floats, *shares: float) -> list[int]:
    """What `quantile` gives, rounded down, of grey levels, for any number of shares; quicker."""
    below = np.cumsum(np.bincount(grey.astype(np.uint8).ravel(), minlength=256))
    return [int(np.searchsorted(below, int(share * (grey.size - 1)), side="right")) for share in shares]


def _is_grey(channels: Floats) -> bool:
    return bool(np.abs(channels[1:] - channels[0]).max() < 12)


def _first_look(channel: Floats) -> tuple[float, float]:
    """How strongly bright and dark details stand out, on a small copy, from what a square fits into and from the median
    around them. Holes between strokes differ from the first only, shadows from the second only, ink from both.
    """
    small = np.asarray(Image.fromarray(channel).resize((_SMALL, _SMALL), Image.Resampling.BOX))
    away = small - _median_around(small)
    bright = np.minimum(_top_hat(small, _SMALL), np.maximum(away, 0))
    dark = np.minimum(_top_hat(255 - small, _SMALL), np.maximum(-away, 0))
    return float((bright**2).sum()), float((dark**2).sum())


def _is_bright(bright: float, dark: float, channel: Floats) -> bool:
    """Whether the ink is brighter than the ground, from how both kinds of detail stand out. The picture's edge, where
    there's ground rather than ink, has a say where that is undecided, as in a thick digit cut out without a margin.
    """
    low, high = _levels(channel, 0.02, 0.98)
    edge = np.concatenate([channel[0], channel[-1], channel[:, 0], channel[:, -1]])
    ground = (_levels(edge, 0.5)[0] - low) / max(high - low, 1)
    return bright > (bright + dark) * (0.5 + _EDGE * (2 * ground - 1))


def _median_around(small: Floats) -> Floats:
    """The median of the half of the picture that lies around each pixel, from a grid of them."""
    half, centres = _SMALL // 4, np.linspace(0, _SMALL, _GRID).round().astype(int)
    grid = [
        [_levels(small[max(0, y - half) : y + half, max(0, x - half) : x + half], 0.5)[0] for x in centres]
        for y in centres
    ]
    return np.asarray(Image.fromarray(np.array(grid, np.float32)).resize((_SMALL, _SMALL), Image.Resampling.BILINEAR))


def _smooth(channel: Floats, room: float) -> Floats:
    """Less noise: the more of it there is, the wider the blur; a clean picture stays as it is."""
    curvature = np.abs(channel[:, 1:-1] * 2 - channel[:, :-2] - channel[:, 2:])
    noise = min(float(curvature.mean()), _OF_MEDIAN * quantile(curvature, 0.5)) if curvature.size else 0.0
    radius = room / 150 * min(noise / 8, 2)
    if radius < 0.3:
        return channel
    from PIL import ImageFilter

    blurred = Image.fromarray(channel.astype(np.uint8)).filter(ImageFilter.GaussianBlur(radius))
    return np.asarray(blurred, np.float32)


def _top_hat(bright: Floats, room: float) -> Floats:
    """What a square doesn't fit into: strokes, but neither shadows nor the paper."""
    size = max(3, round(room * _OPENING))
    padded = np.pad(bright, size, mode="edge")
    opened = _running(_running(padded, size, np.minimum), size, np.maximum)
    details: Floats = np.clip(bright - opened[1:-1, 1:-1], 0, 255)
    return details


def _running(values: Floats, size: int, extreme: np.ufunc) -> Floats:
    """The extreme over each square of this size that lies inside, by doubling; smaller than the values by size - 1."""
    for _ in range(2):
        length = 1
        while length < size:
            step = min(length, size - length)
            values = extreme(values[:-step], values[step:])
            length += step
        values = values.T
    return values
