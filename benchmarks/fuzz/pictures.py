"""Pictures of all formats, from the bytes to the answer."""

import io
from functools import cache

import numpy as np
from PIL import Image, ImageDraw

from fuzz.target import Target
from mnistx_runtime.batch import prepare_picture
from mnistx_runtime.input_spec import InputSpec
from mnistx_runtime.pictures import open_picture
from mnistx_runtime.predictor import Predictor
from mnistx_runtime.preprocess import preprocess_for

_WAYS: tuple[tuple[str, str, dict[str, object]], ...] = (
    ("PNG", "L", {}),
    ("PNG", "P", {}),
    ("PNG", "LA", {}),
    ("PNG", "I;16", {}),
    ("PNG", "RGBA", {"compress_level": 0}),
    ("JPEG", "RGB", {}),
    ("JPEG", "L", {"progressive": True}),
    ("JPEG", "CMYK", {}),
    ("BMP", "RGB", {}),
    ("BMP", "1", {}),
    ("GIF", "P", {}),
    ("PPM", "L", {}),
    ("PPM", "1", {}),
    ("TIFF", "L", {}),
    ("TIFF", "RGB", {"compression": "tiff_lzw"}),
    ("TIFF", "RGB", {"compression": "jpeg"}),
    ("WEBP", "RGB", {}),
    ("WEBP", "RGBA", {"lossless": True}),
    ("AVIF", "RGB", {}),
    ("JPEG2000", "L", {}),
    ("TGA", "RGB", {}),
    ("TGA", "L", {"rle": True}),
)


def drawn(text: str = "3 1", size: tuple[int, int] = (48, 32)) -> Image.Image:
    """Strokes of a pen, on paper."""
    picture = Image.new("L", size, 255)
    pen = ImageDraw.Draw(picture)
    pen.line([(8, 6), (18, 6), (12, 14), (18, 20), (8, 26)], 0, 3)
    pen.line([(34, 6), (32, 26)], 0, 3)
    return picture


@cache
def _seeds() -> tuple[bytes, ...]:
    found = []
    for form, mode, options in _WAYS:
        for picture in (drawn(), drawn().crop((0, 0, 26, 32))):
            file = io.BytesIO()
            whole = picture.convert("I").point(lambda v: v * 257).convert("I;16") if mode == "I;16" else picture
            exif = Image.Exif()
            exif[0x0112] = 6
            extra = {"exif": exif.tobytes()} if form in ("JPEG", "WEBP", "PNG") and mode != "I;16" else {}
            whole.convert(mode).save(file, form, **options, **extra)
            found.append(file.getvalue())
    return tuple(found)


def seeds() -> list[bytes]:
    """Two pictures, of two strokes and of one, in every format and several modes."""
    return list(_seeds())


@cache
def _predictor() -> Predictor:
    return Predictor(threads=1)


def _read_digit(data: bytes) -> None:
    prediction = _predictor().predict(data)
    assert np.isfinite(prediction.log_probs).all() and str(prediction) and prediction.to_dict(3)


def _read_many(data: bytes) -> None:
    reading = _predictor().predict_many(data)
    assert reading.lines and str(reading) and reading.to_dict()


def _resize(data: bytes) -> None:
    open_picture(data, 16)
    for spec in _specs():
        ((prepared,),) = prepare_picture(data, preprocess_for(spec))
        assert prepared.image.shape == spec.shape and prepared.image.dtype == np.uint8


@cache
def _specs() -> list[InputSpec]:
    modes: tuple[dict[str, object], ...] = (
        {"mode": "exact"},
        {"mode": "shorter", "size": 20, "interpolation": "bicubic"},
    )
    return [
        InputSpec(
            channels=channels,
            height=16,
            width=20,
            mean=(0.5,) * channels,
            std=(0.5,) * channels,
            preprocess="resize",
            parameters=mode,
        )
        for channels, mode in zip((3, 1), modes, strict=True)
    ]


PICTURE = Target(seeds, _read_digit)
MANY = Target(seeds, _read_many)
RESIZE = Target(seeds, _resize)
