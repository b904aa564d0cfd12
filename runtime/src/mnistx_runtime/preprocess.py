"""Makes of any picture of one digit the image that MNIST would have made of it.

MNIST's own protocol (LeCun, Cortes, Burges, "The MNIST database of handwritten digits"): the digit, bright on black,
was scaled into a 20x20 box with its aspect kept, with grey levels from antialiasing, and placed in a 28x28 image so
that its centre of mass lies in the middle.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mnistx_runtime.components import Components, components
from mnistx_runtime.errors import PredictionRefused
from mnistx_runtime.ink import Floats, channels_of, ink_of, quantile, upright

SIDE = 28
BOX = 20

_MIN_CONTRAST = 12  # grey levels of 255 between ground and ink
_ENOUGH = 120  # working pixels of a digit; a smaller one in a large picture is looked at again, closer
_STROKE = (2.0, 4.2)  # pixels of the 20x20 box: strokes outside are thickened or thinned


@dataclass(frozen=True, eq=False)
class Prepared:
    """A picture on its way to the model.

    Args:
        picture: as a person sees it, grey or RGB.
        box: left, top, right, bottom of the digit in it, in pixels.
        ink: the ink that was found inside the box, 0..1.
        image: uint8 `(28, 28)`, bright ink on black: what the model reads.
    """

    picture: Image.Image
    box: tuple[int, int, int, int]
    ink: Floats
    image: NDArray[np.uint8]


def image_from_picture(picture: Image.Image) -> NDArray[np.uint8]:
    """The 28x28 image of the digit in a picture.

    Args:
        picture: any mode and size, ink darker or lighter than its ground.

    Returns:
        uint8 `(28, 28)`, 0..255, bright ink on black. A 28x28 grey picture on a dark ground, as MNIST's are, comes
        back unchanged.

    Raises:
        PredictionRefused: there's no ink on it, or more than one digit.

    >>> page = Image.new("L", (200, 300), 255)
    >>> page.paste(0, (90, 50, 110, 250))
    >>> image = image_from_picture(page)
    >>> image.shape, int(image[14, 14]), int(image[14, 2])
    ((28, 28), 255, 0)
    """
    return prepare(picture).image


def prepare(picture: Image.Image) -> Prepared:
    """What `image_from_picture` does, with the steps on the way; takes and raises the same."""
    picture = upright(picture)
    if picture.size == (SIDE, SIDE):
        grey = np.array(picture.convert("L"))
        if _is_mnists(grey.astype(np.float32)):
            return Prepared(picture, (0, 0, SIDE, SIDE), (grey / 255).astype(np.float32), grey)
    digit, left, top = _digit(picture), 0, 0
    if digit.factor > 1 and max(digit.mask.shape) < _ENOUGH:
        closer = digit.surroundings(picture.size)
        digit, left, top = _digit(picture.crop(closer)), closer[0], closer[1]
    image = _centred(_scaled(_restroked(digit.levels, digit.mask)))
    x, y = left + digit.left * digit.factor, top + digit.top * digit.factor
    height, width = (side * digit.factor for side in digit.mask.shape)
    return Prepared(picture, (x, y, x + width, y + height), digit.levels, image)


@dataclass(frozen=True, eq=False)
class _Digit:
    """A digit that was found in a picture.

    Args:
        levels: how much ink covers each pixel of its box, 0..1.
        mask: where its ink is.
        top: of the box, in working pixels.
        left: of the box, likewise.
        factor: the picture's pixels to a working pixel, along a side.
    """

    levels: Floats
    mask: NDArray[np.bool_]
    top: int
    left: int
    factor: int

    def surroundings(self, size: tuple[int, int]) -> tuple[int, int, int, int]:
        """The box with paper around it, in the picture's pixels, as `Image.crop` takes it."""
        height, width = self.mask.shape
        margin = max(height, width) * 0.6
        left, top = max(0.0, self.left - margin), max(0.0, self.top - margin)
        right, bottom = self.left + width + margin, self.top + height + margin
        f = self.factor
        return round(left * f), round(top * f), min(size[0], round(right * f)), min(size[1], round(bottom * f))


def _digit(picture: Image.Image) -> _Digit:
    """Find the digit's ink.

    Raises:
        PredictionRefused: there's none, or more than one digit.
    """
    channels, factor = channels_of(picture)
    ink = ink_of(channels)
    mask, threshold = _mask(ink)
    if not mask.any():
        raise PredictionRefused("no ink found: nothing stands out from the ground")
    full = quantile(ink[mask], 0.5)
    levels = np.where(_grown(mask, 2), np.clip((ink - threshold / 2) / max(full - threshold / 2, 1), 0, 1), 0)
    rows, columns = np.nonzero(mask)
    top, left = int(rows.min()), int(columns.min())
    box = np.s_[top : rows.max() + 1, left : columns.max() + 1]
    return _Digit(levels[box].astype(np.float32), mask[box], top, left, factor)


def _is_mnists(grey: Floats) -> bool:
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    return quantile(border, 0.5) < 64 and grey.max() - grey.min() >= _MIN_CONTRAST


def _mask(ink: Floats) -> tuple[NDArray[np.bool_], float]:
    """Where the digit's ink is, and the level that separates it from the ground.

    Raises:
        PredictionRefused: there is more than one digit.
    """
    threshold = _otsu(ink)
    for _ in range(3):
        pieces = components(ink > threshold)
        if not len(pieces.areas) or not _is_grid(pieces, ink.shape):
            break
        threshold = _otsu(ink, above=threshold)
    if threshold < _MIN_CONTRAST / 2 or not len(pieces.areas):
        return np.zeros(ink.shape, bool), threshold
    weight = _weights(pieces, ink)
    if _are_several(pieces.boxes[weight >= 0.35 * weight.max()]):
        raise PredictionRefused("more than one digit found; cut out the one to read")
    return np.isin(pieces.labels, _kept(pieces, weight)), threshold


def _are_several(boxes: NDArray[np.int64]) -> bool:
    """Whether tall pieces stand side by side in a group that is wider than a digit is. Boxes as in `Components`."""
    height, width = np.ptp(boxes[:, [0, 2]]), np.ptp(boxes[:, [1, 3]])
    tall = boxes[boxes[:, 2] - boxes[:, 0] >= 0.6 * height]
    tall = tall[tall[:, 1].argsort()]
    apart = tall[1:, 1] - tall[:-1, 3]
    return bool(width > 1.15 * height and (apart >= 0).any())


def _is_grid(pieces: Components, shape: tuple[int, ...]) -> bool:
    """Whether the largest piece reaches from edge to edge, as ruling does, and a digit doesn't."""
    top, left, bottom, right = pieces.boxes[pieces.areas.argmax()]
    height, width = shape
    return bool((top <= 1) + (left <= 1) + (bottom >= height - 1) + (right >= width - 1) >= 3)


def _weights(pieces: Components, ink: Floats) -> NDArray[np.float64]:
    """The ink of each piece; none for a piece that lies along the picture's edge, as a frame does."""
    band = max(2, round(min(ink.shape) * 0.05))
    inner = pieces.labels[band:-band, band:-band]
    inside = np.bincount(inner[inner >= 0], minlength=len(pieces.areas))
    inked = pieces.labels >= 0
    weight = np.bincount(pieces.labels[inked], ink[inked], len(pieces.areas)).astype(np.float64)
    within = inside * 2 >= pieces.areas
    return np.where(within, weight, 0) if within.any() else weight


def _kept(pieces: Components, weight: NDArray[np.float64]) -> list[int]:
    """The pieces that are the digit: the heaviest, and those near it that are no specks."""
    main = int(weight.argmax())
    kept, others = [main], [int(i) for i in np.flatnonzero(weight >= 0.03 * weight[main]) if i != main]
    top, left, bottom, right = pieces.boxes[main]
    while True:
        reach = 0.25 * max(bottom - top, right - left)
        boxes = {i: pieces.boxes[i] for i in others if i not in kept}
        near = [i for i, b in boxes.items() if max(b[0] - bottom, top - b[2], b[1] - right, left - b[3]) <= reach]
        if not near:
            return kept
        kept += near
        top, left = pieces.boxes[kept, :2].min(0)
        bottom, right = pieces.boxes[kept, 2:].max(0)


def _grown(mask: NDArray[np.bool_], times: int) -> NDArray[np.bool_]:
    """The mask and the pixels around it."""
    for _ in range(times):
        padded = np.pad(mask, 1)
        mask = padded[:-2, 1:-1] | padded[2:, 1:-1] | padded[1:-1, :-2] | padded[1:-1, 2:] | mask
    return mask


def _otsu(ink: Floats, above: float = 0) -> float:
    """The threshold between two classes of brightness (Otsu 1979: largest variance between the classes)."""
    counts = np.bincount(ink.astype(np.uint8).ravel(), minlength=256).astype(np.float64)
    counts[: int(above)] = 0
    below, levels = np.cumsum(counts), np.arange(256)
    mass = np.cumsum(counts * levels)
    rest = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * rest * (mass / below - (mass[-1] - mass) / rest) ** 2
    between = np.nan_to_num(between)
    return float(np.flatnonzero(between == between.max()).mean())  # clean pictures have a plateau of best thresholds


def _restroked(levels: Floats, mask: NDArray[np.bool_]) -> Floats:
    """Strokes thickened or thinned to a width that survives the scaling."""
    outline = sum(int(np.count_nonzero(np.diff(np.pad(mask, 1), axis=axis))) for axis in (0, 1))
    width = 2.5 * int(mask.sum()) / outline  # area over half the outline, whose slanted parts count 1.27 times
    scale = BOX / max(mask.shape)
    wanted = min(max(width * scale, _STROKE[0]), _STROKE[1]) / scale
    steps = round((wanted - width) / 2)
    if steps > 0:
        levels = np.pad(levels, steps)
    for step in range(abs(steps)):
        padded = np.pad(levels, 1, mode="edge")
        parts = [padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:], levels]
        if step % 2:
            parts += [padded[:-2, :-2], padded[2:, 2:], padded[:-2, 2:], padded[2:, :-2]]
        levels = np.max(parts, axis=0) if steps > 0 else np.min(parts, axis=0)
    return levels


def _scaled(levels: Floats) -> Floats:
    """The digit scaled to fit the 20x20 box, antialiased, its aspect kept."""
    height, width = levels.shape
    scale = BOX / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = Image.fromarray(levels).resize(size, Image.Resampling.BOX if scale < 1 else Image.Resampling.BICUBIC)
    digit = np.clip(np.asarray(small, np.float32), 0, 1)
    core = digit[digit > 0.3]
    full = quantile(core, 0.8) if len(core) else 1.0
    brightened: Floats = np.clip(digit / full, 0, 1)
    return brightened


def _centred(digit: Floats) -> NDArray[np.uint8]:
    """The digit on 28x28 black, its centre of mass in the middle, as far as it stays inside."""
    height, width = digit.shape
    mass = max(float(digit.sum()), 1e-6)
    top = (SIDE - 1) / 2 - float((digit.sum(1) * np.arange(height)).sum()) / mass
    left = (SIDE - 1) / 2 - float((digit.sum(0) * np.arange(width)).sum()) / mass
    y, x = int(np.clip(round(top), 0, SIDE - height)), int(np.clip(round(left), 0, SIDE - width))
    image = np.zeros((SIDE, SIDE), np.uint8)
    image[y : y + height, x : x + width] = np.round(digit * 255).astype(np.uint8)
    return image
