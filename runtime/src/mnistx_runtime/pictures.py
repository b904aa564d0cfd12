"""Opens what people call a picture: a path, bytes, a PIL image or an array."""

import errno
import io
import os
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from mnistx_runtime.errors import BadInput, PictureTooLarge, UnreadablePicture, describe_error
from mnistx_runtime.picture_limits import DEFAULT, PictureLimits
from mnistx_runtime.system.plain_file import require_plain

Source: TypeAlias = str | os.PathLike[str] | bytes | Image.Image | NDArray[Any]

SUFFIXES = frozenset(
    {
        ".avif", ".bmp", ".gif", ".j2k", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm",
        ".ppm", ".tga", ".tif", ".tiff", ".webp",
    }
)  # fmt: skip
"""Endings by which pictures are found in a folder. A file that is named itself may have any."""

_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "PPM", "TIFF", "WEBP", "AVIF", "JPEG2000", "TGA")
"""What is decoded, those first that Pillow knows at once. It would also run Ghostscript on a page of PostScript."""

_HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")  # brands of ISO/IEC 23008-12
_BLOCK = 1 << 20  # bytes that are read at once; whatever is asked for is allocated first

_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
"""What the machine lacks, and no picture is to blame for."""


def open_picture(source: Source, draft: int | None = None, limits: PictureLimits = DEFAULT) -> Image.Image:
    """A decoded picture.

    Args:
        source: a path; the bytes of a file; a PIL image; or an array, uint8 `(height, width)` grey,
            `(height, width, 3)` RGB or `(height, width, 4)` RGBA.
        draft: a JPEG is decoded at the smallest scale whose sides are at least this; None: in full.
        limits: on what is decoded; a PIL image or an array is the caller's own.

    Raises:
        UnreadablePicture: there's no such file, it isn't a picture, or it is cut off.
        PictureTooLarge: it is beyond the limits.
        BadInput: the array has another shape or type.
        OSError: this process has no memory left, or too many files open.

    >>> open_picture(np.zeros((30, 40), np.uint8)).size
    (40, 30)
    """
    if isinstance(source, Image.Image):
        return _loaded(source, "the picture")
    if isinstance(source, np.ndarray):
        return _picture_from_array(source)
    if isinstance(source, bytes | bytearray | memoryview):
        return _decode(bytes(source), "the data", draft, limits)
    if not isinstance(source, str | os.PathLike):
        raise BadInput(f"a picture is a path, bytes, a PIL image or an array, not {type(source).__name__}")
    path = Path(source)
    if source == "":
        raise UnreadablePicture("'': a picture's name can't be empty")
    try:
        if path.is_dir():
            raise UnreadablePicture(f"{path} is a folder, not a picture")
        with require_plain(path).open("rb") as file:
            data = read_at_most(file, limits.memory + 1)
    except FileNotFoundError as error:
        raise UnreadablePicture(f"{path}: no such file") from error
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno in _EXHAUSTED:
            raise
        raise UnreadablePicture(f"{path} can't be read: {getattr(error, 'strerror', None) or error}") from error
    return _decode(data, str(path), draft, limits)


def read_at_most(file: BinaryIO, most: int) -> bytes:
    """The first bytes of a file, `most` of them or a block more.

    Args:
        file: open for reading.
        most: bytes.
    """
    return b"".join(islice(iter(partial(file.read, _BLOCK), b""), most // _BLOCK + 1))


def source_name(source: Source) -> str | None:
    """The path, if it is one."""
    return str(source) if isinstance(source, str | os.PathLike) else None


def _picture_from_array(array: NDArray[Any]) -> Image.Image:
    grey = array.ndim == 2
    if array.dtype != np.uint8 or not array.size or not (grey or (array.ndim == 3 and array.shape[2] in (3, 4))):
        raise BadInput(
            f"an array picture must be uint8 of shape (height, width), (height, width, 3) or (height, width, 4), "
            f"not {array.dtype} {array.shape}"
        )
    return Image.fromarray(array)


def _decode(data: bytes, name: str, draft: int | None, limits: PictureLimits) -> Image.Image:
    if not data:
        raise UnreadablePicture(f"{name} is empty")
    reason = limits.reason_against_file(data)
    if reason:
        raise PictureTooLarge(f"{name}: {reason}")
    try:
        picture = _identify(data)
        full = picture.size
        if draft and picture.format in ("JPEG", "MPO"):
            picture.draft(None, (draft, draft))
        reason = limits.reason_against(picture, data, full)
    except Image.DecompressionBombError:
        most = 2 * (Image.MAX_IMAGE_PIXELS or 0)  # where Pillow refuses; from the half on it warns
        reason = f"it has more than {most // 1_000_000} million pixels; scale it down first"
    except UnidentifiedImageError as error:
        if data[4:8] == b"ftyp" and data[8:12] in _HEIC:
            raise UnreadablePicture(f"{name} is a HEIC picture; convert it to JPEG or PNG first") from error
        raise UnreadablePicture(
            f"{name} is not a picture in a format that is read here: {', '.join(_FORMATS)}"
        ) from error
    except Exception as error:
        raise UnreadablePicture(f"{name} can't be read as a picture: {_describe(error)}") from error
    if reason:
        raise PictureTooLarge(f"{name}: {reason}")
    return _loaded(picture, name)


def _identify(data: bytes) -> Image.Image:
    """The picture, not yet decoded, by the one plugin it needs where that is plain; `Image.open` would import five."""
    if data.startswith(b"\xff\xd8\xff"):
        from PIL.JpegImagePlugin import jpeg_factory

        return jpeg_factory(io.BytesIO(data))
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        from PIL.PngImagePlugin import PngImageFile

        return PngImageFile(io.BytesIO(data))
    return Image.open(io.BytesIO(data), formats=_FORMATS)


_DAMAGE = {
    "not identified by this driver": "its header is damaged",
    "truncated": "it is cut off",
    "requires a buffer": "it is cut off",
    "decoder error": "its pixels are damaged",
    "decoding error": "its pixels are damaged",
    "broken data stream": "its pixels are damaged",
    "too large for PngImagePlugin": "a text in it is far too long",
}
"""What some of Pillow's messages mean, by a part of each."""


def _describe(error: Exception) -> str:
    text = describe_error(error)
    return next((plain for part, plain in _DAMAGE.items() if part in text), text)


def _quiet_decoder(picture: Image.Image) -> AbstractContextManager[None]:
    """Keep what libtiff itself writes to standard error from a terminal."""
    if picture.format != "TIFF":
        return nullcontext()
    from mnistx_runtime.system.quiet import quiet_library

    return quiet_library()


def _loaded(picture: Image.Image, name: str) -> Image.Image:
    """The picture with its pixels; a decoder may fail on damaged data with any exception."""
    try:
        with _quiet_decoder(picture):
            picture.load()
    except Exception as error:
        raise UnreadablePicture(f"{name} can't be read as a picture: {_describe(error)}") from error
    if not picture.width * picture.height:
        raise UnreadablePicture(f"{name} has no pixels")
    return picture
