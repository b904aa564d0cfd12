"""Scales any picture to the image that a classifier reads, byte for byte as torchvision's transforms do.

Sources: torchvision's `transforms/functional.py` and `transforms/v2/functional/_geometry.py` for sizes and crops;
PyTorch's `aten/src/ATen/native/cpu/UpSampleKernel.cpp` for `antialias=False`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mnistx_runtime.errors import BadInput
from mnistx_runtime.input_spec import InputSpec
from mnistx_runtime.preprocess import Prepared, one_image_only
from mnistx_runtime.preprocess.upright import apply_turn, turn_of
from mnistx_runtime.registry import nearest

_MODES = ("exact", "shorter")
_FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "box": Image.Resampling.BOX,
    "hamming": Image.Resampling.HAMMING,
    "lanczos": Image.Resampling.LANCZOS,
}
_WITHOUT_ANTIALIAS = ("nearest", "bilinear", "bicubic")
_PICTURE_MODES = {1: "L", 3: "RGB"}  # by the number of channels
_LARGEST_SIDE = 8192  # pixels of the image, and of a picture's shorter side before the crop
_MOST_PIXELS = 178_956_970  # twice Pillow's MAX_IMAGE_PIXELS; of what is made on the way to the image
_LONGEST_SIDE = 1 << 18  # pixels of the scaled picture, before the crop
_STRIP = 1 << 22  # pixels that are converted at a time


@dataclass(frozen=True, kw_only=True)
class Resize:
    """How a picture is scaled; each parameter is checked.

    Args:
        mode: "exact" scales to height x width whatever the picture's aspect, as torchvision's `Resize((h, w))` does.
            "shorter" scales the shorter side to `size`, keeps the aspect and cuts height x width out of the centre, as
            `Resize(size)` and then `CenterCrop((h, w))` do; what the crop lacks is black.
        size: pixels of the shorter side in mode "shorter", 1..8192. None: the larger of height and width, the least
            that fills the crop whatever the picture's aspect.
        interpolation: "nearest", "bilinear", "bicubic", "box", "hamming" or "lanczos", as in torchvision's
            `InterpolationMode`.
        antialias: True gives the bytes of torchvision on PIL images, by the Pillow that is installed. Pillow 13 scales
            the height first where it shrinks by more than twice as many pixels as the width, which changes tall
            pictures by 1 grey level in bilinear and by more in bicubic and lanczos. On uint8 tensors torchvision v2
            with `antialias=True` differs by at most 2 grey levels, as measured, where both scale the width first; in
            nearest it takes other pixels. False gives the bytes of v2 on uint8 tensors with `antialias=False`, in
            nearest, bilinear and bicubic, on a CPU of ARM or with AVX2; elsewhere PyTorch rounds bilinear once instead
            of twice, which differs by at most 1 grey level.
        background: red, green and blue, 0..255, of what lies behind transparent pixels. None drops the transparency, as
            `convert("RGB")` does in torchvision's loaders: the colours hidden under it are then seen.
        upright: whether the picture is turned as the camera's EXIF says. torchvision's loaders don't.

    Raises:
        BadInput: a parameter isn't allowed; the text names it.

    >>> Resize(mode="shorter", size=256).to_dict()["interpolation"]
    'bilinear'
    """

    mode: str = "exact"
    size: int | None = None
    interpolation: str = "bilinear"
    antialias: bool = True
    background: tuple[int, ...] | None = None
    upright: bool = False

    def __post_init__(self) -> None:
        """Check every parameter."""
        self._check("mode", self.mode in _MODES, " or ".join(_MODES))
        self._check("size", self.size is None or _is_int(self.size, 1, _LARGEST_SIDE), f"1..{_LARGEST_SIDE} or None")
        self._check("size", self.size is None or self.mode == "shorter", "None in mode exact")
        self._check("antialias", isinstance(self.antialias, bool), "True or False")
        allowed = tuple(_FILTERS) if self.antialias else _WITHOUT_ANTIALIAS
        without = "" if self.antialias else " without antialias"
        self._check("interpolation", self.interpolation in allowed, f"one of {', '.join(allowed)}{without}")
        self._check(
            "background",
            self.background is None or _is_colour(self.background),
            "red, green and blue, each 0..255, or None",
        )
        self._check("upright", isinstance(self.upright, bool), "True or False")

    def _check(self, name: str, valid: bool, allowed: str) -> None:
        if not valid:
            raise BadInput(f"resize: {name} is {getattr(self, name)!r}; allowed is {allowed}")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Resize":
        """The parameters that `to_dict` gave, or some of them; the others keep their defaults.

        Args:
            values: names and values, as JSON has them.

        Raises:
            BadInput: a name is unknown or a value isn't allowed.

        >>> Resize.from_dict({"background": [255, 255, 255]}).background
        (255, 255, 255)
        >>> Resize.from_dict({"antialais": False})
        Traceback (most recent call last):
        mnistx_runtime.errors.BadInput: resize: no parameter 'antialais'; did you mean 'antialias'? known: mode, size, \
interpolation, antialias, background, upright
        """
        if not isinstance(values, Mapping):
            raise BadInput(f"resize: parameters are names with values, not {values!r}")
        known = [field.name for field in fields(cls)]
        for name in values:
            if name not in known:
                raise BadInput(f"resize: no parameter {name!r}; {nearest(str(name), known)}")
        background = values.get("background")
        colour = {"background": tuple(background)} if isinstance(background, list) else {}
        return cls(**{**values, **colour})

    def to_dict(self) -> dict[str, Any]:
        """The parameters as JSON has them; `from_dict` takes them back.

        >>> Resize.from_dict(Resize(background=(0, 0, 0)).to_dict()) == Resize(background=(0, 0, 0))
        True
        """
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}


class ResizePreprocess:
    """Scales a picture to the image that the model reads; see `Resize` for its parameters.

    Args:
        spec: of the model's input.

    Raises:
        BadInput: a parameter is unknown or isn't allowed.
    """

    version = 1
    draft = None

    def __init__(self, spec: InputSpec) -> None:
        """Check the parameters; see the class."""
        self._spec = spec
        self._parameters = Resize.from_dict(spec.parameters)

    def prepare(self, picture: Image.Image) -> Prepared:
        """See `resize_picture`; the picture is kept for a person to look at."""
        shown = apply_turn(picture, turn_of(picture)) if self._parameters.upright else picture
        image = resize_picture(picture, *self._spec.shape, self._parameters)
        return Prepared(shown, (0, 0, *shown.size), image)

    def prepare_many(self, picture: Image.Image) -> list[list[Prepared]]:  # noqa: ARG002
        """See `Preprocess.prepare_many`."""
        raise one_image_only(self._spec)


def resize_picture(
    picture: Image.Image, channels: int, height: int, width: int, parameters: Resize
) -> NDArray[np.uint8]:
    """The image that a classifier reads of a picture.

    The picture becomes grey ("L") or colour ("RGB") before it is scaled, as `picture.convert` makes it: 16-bit grey
    is cut off at 255, CMYK is read without its colour profile. Besides the picture itself, memory holds at most a
    turned copy, a converted copy and what Pillow scales on the way; without antialias, no converted copy.

    Args:
        picture: any mode and size.
        channels: 1 for grey, 3 for colour.
        height: of the image, pixels, 1..8192.
        width: of the image, pixels, 1..8192.
        parameters: how it is scaled.

    Returns:
        uint8 `(channels, height, width)`, 0..255.

    Raises:
        BadInput: channels, height or width isn't allowed; Pillow can't convert such a picture; or it is so narrow that
            the scaled picture, before the crop, would have a side of more than 262144 pixels, or that more than
            178956970 pixels would be held on the way.

    >>> page = Image.linear_gradient("L").resize((640, 480))
    >>> resize_picture(page, 3, 224, 224, Resize(mode="shorter", size=256)).shape
    (3, 224, 224)
    >>> resize_picture(page, 1, 2, 2, Resize(antialias=False)).tolist()
    [[[64, 64], [192, 192]]]
    """
    if channels not in _PICTURE_MODES:
        raise BadInput(f"resize: channels is {channels!r}; allowed is 1 or 3")
    for name, side in (("height", height), ("width", width)):
        if not _is_int(side, 1, _LARGEST_SIDE):
            raise BadInput(f"resize: {name} is {side!r}; allowed is 1..{_LARGEST_SIDE}")
    if not picture.width * picture.height:
        raise BadInput("resize: the picture has no pixels")
    mode = _PICTURE_MODES[channels]
    if parameters.upright:
        picture = apply_turn(picture, turn_of(picture))
    size = _scaled_size(picture.size, height, width, parameters)
    window = (_crop_start(size[0], width), _crop_start(size[1], height), width, height)
    if parameters.antialias:
        pixels = _resize_filtered(picture, mode, size, window, parameters)
    else:
        pixels = _resize_interpolated(picture, mode, size, window, parameters)
    return pixels.reshape(height, width, channels).transpose(2, 0, 1).copy()


def _scaled_size(source: tuple[int, int], height: int, width: int, parameters: Resize) -> tuple[int, int]:
    """Width and height before the crop: torchvision's `_compute_resized_output_size`.

    Raises:
        BadInput: too much to hold in memory.
    """
    if parameters.mode == "exact":
        scaled = width, height
    else:
        short = parameters.size or max(height, width)
        long = int(short * max(source) / min(source))
        scaled = (short, long) if source[0] <= source[1] else (long, short)
    # PyTorch always and Pillow mostly scale the width first, and hold that at the picture's height
    if max(scaled) > _LONGEST_SIDE or scaled[0] * max(scaled[1], source[1]) > _MOST_PIXELS:
        raise BadInput(
            f"resize: to scale {source[0]}x{source[1]} pixels to {scaled[0]}x{scaled[1]} takes too much memory; "
            f"cut out what is to be read"
        )
    return scaled


def _crop_start(scaled: int, cropped: int) -> int:
    """Where the crop begins along a side, negative where it begins outside: torchvision's `center_crop`."""
    return round((scaled - cropped) / 2) if scaled >= cropped else -((cropped - scaled) // 2)


def _resize_filtered(
    picture: Image.Image, mode: str, size: tuple[int, int], window: tuple[int, int, int, int], parameters: Resize
) -> NDArray[np.uint8]:
    """Scale as Pillow does, which averages over all pixels that a new one covers.

    Args:
        picture: any mode.
        mode: "L" or "RGB".
        size: width and height of the scaled picture.
        window: left, top, width and height of the crop in it.
        parameters: the interpolation and the background.
    """
    if picture.mode != mode or (parameters.background and picture.has_transparency_data):
        converted = Image.new(mode, picture.size)
        for top, strip in _convert_strips(picture, mode, parameters.background):
            converted.paste(strip, (0, top))
        picture = converted
    if picture.size != size:
        picture = picture.resize(size, _FILTERS[parameters.interpolation])
    left, top, width, height = window
    return np.asarray(picture.crop((left, top, left + width, top + height)))


def _resize_interpolated(
    picture: Image.Image, mode: str, size: tuple[int, int], window: tuple[int, int, int, int], parameters: Resize
) -> NDArray[np.uint8]:
    """Scale as PyTorch does without antialias, from the 1, 2 or 4 nearest pixels a side; arguments as above."""
    left, top, width, height = window
    across = _Taps.make(picture.width, size[0], left, width, parameters.interpolation)
    down = _Taps.make(picture.height, size[1], top, height, parameters.interpolation)
    rows, columns = np.unique(down.pixels), np.unique(across.pixels)
    bands = []
    for start, strip in _convert_strips(picture, mode, parameters.background):
        inside = rows[(rows >= start) & (rows < start + strip.height)] - start
        if inside.size:
            bands.append(np.asarray(strip)[inside][:, columns])
    pixels = np.concatenate(bands).reshape(len(rows), len(columns), -1)
    pixels = across.apply(pixels, columns, 1)
    pixels = down.apply(pixels, rows, 0)
    image = np.zeros((height, width, pixels.shape[2]), np.uint8)
    y, x = max(-top, 0), max(-left, 0)
    image[y : y + pixels.shape[0], x : x + pixels.shape[1]] = pixels
    return image


@dataclass(frozen=True, eq=False)
class _Taps:
    """What each pixel of a scaled side is made of.

    Args:
        pixels: indices in the picture, `(scaled, taps)`.
        weights: int32 `(scaled, taps)`.
        bits: of the weights, after the binary point.
    """

    pixels: NDArray[np.int64]
    weights: NDArray[np.int32]
    bits: int

    @classmethod
    def make(cls, before: int, after: int, start: int, count: int, interpolation: str) -> "_Taps":
        """The taps of those of `after` scaled pixels that lie in a crop.

        Args:
            before: pixels of the picture's side.
            after: pixels of the scaled side.
            start: of the crop, negative where it begins outside.
            count: pixels of the crop.
            interpolation: one without antialias.
        """
        visible = slice(max(start, 0), start + count)
        if interpolation == "nearest":
            at = np.arange(after, dtype=np.float32) * (np.float32(before) / np.float32(after))
            pixels = np.minimum(at.astype(np.int64), before - 1)[visible, None]
            return cls(pixels, np.ones(pixels.shape, np.int32), 0)
        taps = 2 if interpolation == "bilinear" else 4
        at = before / after * (np.arange(after) + 0.5) - 0.5
        base = np.minimum(np.floor(at.astype(np.float32)).astype(np.int64), before - 1)  # float32 as in PyTorch
        share = np.clip(at - base, 0, 1)
        reach = taps // 2 - 1  # taps before the base
        first = np.maximum(base - reach, 0)
        weights, peak = np.zeros((after, taps)), 0.0
        everywhere = np.arange(after)
        for tap in range(taps):  # a tap beyond the edge adds its weight to the edge's
            slot = np.clip(base - reach + tap, 0, before - 1) - first
            weights[everywhere, slot] += _weigh(np.abs(tap - reach - share), interpolation)
            peak = max(peak, float(weights[everywhere, slot].max()))
        bits = 15 if int(0.5 + peak * (1 << 15)) < 1 << 15 else 14  # as many as fit an int16
        fixed = weights[visible] * (1 << bits)
        pixels = np.minimum(first[visible, None] + np.arange(taps), before - 1)
        return cls(pixels, np.trunc(fixed + np.copysign(0.5, fixed)).astype(np.int32), bits)

    def apply(self, pixels: NDArray[np.uint8], kept: NDArray[np.int64], axis: int) -> NDArray[np.uint8]:
        """The pixels scaled along an axis, of which only the kept ones are there."""
        total: Any = 1 << self.bits >> 1
        for taps, weights in zip(np.searchsorted(kept, self.pixels).T, self.weights.T, strict=True):
            total = total + pixels.take(taps, axis) * weights.reshape((-1, 1, 1) if axis == 0 else (1, -1, 1))
        scaled: NDArray[np.uint8] = np.clip(total >> self.bits, 0, 255).astype(np.uint8)
        return scaled


def _weigh(distance: NDArray[np.float64], interpolation: str) -> NDArray[np.float64]:
    """The weight of a pixel at a distance: a triangle, or Keys' cubic with a = -0.75, in PyTorch's order of operations.

    R. Keys, "Cubic convolution interpolation for digital image processing", 1981.
    """
    if interpolation == "bilinear":
        return 1 - distance
    a, x = -0.75, distance
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return np.where(x < 1, near, far)


def _convert_strips(
    picture: Image.Image, mode: str, background: tuple[int, ...] | None
) -> Iterator[tuple[int, Image.Image]]:
    """Strips of the picture in another mode, each with its first row."""
    step = max(1, _STRIP // picture.width)
    for top in range(0, picture.height, step):
        strip = picture.crop((0, top, picture.width, min(top + step, picture.height)))
        try:
            yield top, _convert(strip, mode, background)
        except ValueError as error:
            raise BadInput(f"resize: Pillow can't convert a picture of mode {picture.mode} to {mode}") from error


def _convert(picture: Image.Image, mode: str, background: tuple[int, ...] | None) -> Image.Image:
    if background and picture.has_transparency_data:
        front = picture.convert("RGBA")
        picture = Image.new("RGB", picture.size, background)
        picture.paste(front, mask=front)
    picture.info.pop("transparency", None)  # Pillow would warn that the new mode has no place for it
    return picture if picture.mode == mode else picture.convert(mode)


def _is_int(value: object, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _is_colour(value: object) -> bool:
    return isinstance(value, tuple) and len(value) == 3 and all(_is_int(level, 0, 255) for level in value)
