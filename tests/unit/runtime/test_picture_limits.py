"""Pictures that declare more than they may cost are refused before they are decoded."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mnistx_runtime.errors import UnreadablePicture
from mnistx_runtime.picture_limits import DEFAULT, PictureLimits
from mnistx_runtime.pictures import open_picture

SMALL = PictureLimits(memory=1_000_000, seconds=0.01)


def encoded(mode: str, size: tuple[int, int], form: str, **options: Any) -> bytes:
    file = io.BytesIO()
    Image.new(mode, size, 1).save(file, form, **options)
    return file.getvalue()


def declared(width: int, height: int) -> bytes:
    """A grey PNG that says how large it is, and holds no pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("mode", "form", "options", "bytes_each"),
    [
        ("L", "PNG", {}, 3),
        ("RGB", "BMP", {}, 6.5),
        ("RGBA", "PNG", {}, 10),
        ("P", "GIF", {}, 10),
        ("F", "TIFF", {"compression": "tiff_deflate"}, 12),
        ("RGB", "WEBP", {}, 20),
        ("RGB", "JPEG2000", {}, 22),
        ("RGB", "AVIF", {}, 10),
    ],
)
def test_memory_is_reckoned_by_format_and_mode(mode: str, form: str, options: Any, bytes_each: float) -> None:
    data = encoded(mode, (300, 200), form, **options)
    most = len(data) + bytes_each * 300 * 200
    assert open_picture(data, limits=PictureLimits(memory=int(most) + 1)).size == (300, 200)
    with pytest.raises(
        UnreadablePicture, match=r"the data: it has more than 0.0\d* million pixels; scale it down first"
    ):
        open_picture(data, limits=PictureLimits(memory=int(most) - 1000))


def test_a_page_at_600_dots_an_inch_is_read_and_a_hundred_and_forty_million_pixels_are_not() -> None:
    page = Image.new("L", (4960, 7016))
    assert DEFAULT.reason_against(page, b"", page.size) is None
    with pytest.raises(UnreadablePicture, match="more than 137 million pixels; scale it down first"):
        open_picture(declared(12_000, 12_000))


def test_a_jpeg_counts_as_it_is_decoded() -> None:
    data = encoded("RGB", (1600, 1600), "JPEG")
    assert open_picture(data, 100, SMALL).size == (200, 200)
    with pytest.raises(UnreadablePicture, match="more than 0"):
        open_picture(data, limits=SMALL)


def test_a_progressive_jpeg_counts_in_full_and_by_its_scans() -> None:
    data = encoded("RGB", (1600, 1600), "JPEG", progressive=True)
    with pytest.raises(UnreadablePicture, match="million pixels"):
        open_picture(data, 100, SMALL)
    last = data[data.rindex(b"\xff\xda") : -2]
    many = data[:-2] + 300 * last + data[-2:]
    assert open_picture(many, 100).size == (200, 200)
    with pytest.raises(UnreadablePicture, match="a JPEG of 310 scans, which take too long"):
        open_picture(many, 100, PictureLimits(seconds=0.9))


@pytest.mark.parametrize("size", [(1, 300_000), (300_000, 1)])
def test_no_side_is_longer_than_a_picture_has(size: tuple[int, int]) -> None:
    with pytest.raises(UnreadablePicture, match="a side of more than 262,144 pixels"):
        open_picture(declared(*size))


def test_what_pillow_decodes_in_python_is_small() -> None:
    grey = np.zeros((100, 100), np.uint8).tobytes()
    for header in (b"P5 100 100 255\n", b"P5 100 100 254\n"):
        assert open_picture(header + grey).size == (100, 100)
    assert open_picture(b"P5 100 300 255\n" + 3 * grey, limits=SMALL).size == (100, 300)
    for slow in (b"P5 100 300 254\n" + 3 * grey, b"P2 100 300 255\n" + 30_000 * b"1 "):
        with pytest.raises(UnreadablePicture, match="it is a PPM of a kind that takes too long"):
            open_picture(slow, limits=SMALL)


def test_comments_of_a_pnm_are_few() -> None:
    assert open_picture(b"P5\n# made by hand\n# 1999\n2 1\n255\nab").size == (2, 1)
    assert open_picture(b"P2 2 1 255 # first\n1 # second\n2").size == (2, 1)
    assert open_picture(b"P4 # a bitmap\n8 1\n ").size == (8, 1)
    for head in (
        b"P5\n#" + 100_000 * b"a" + b"\n2 1 255\nab",
        b"P5 " + 90_000 * b"#",
        b"P6" + 50_000 * b"#\n" + b"2 1 255\nabcdef",
    ):
        with pytest.raises(UnreadablePicture, match="comments of more than 65536 bytes"):
            open_picture(head)
    with pytest.raises(UnreadablePicture, match="more than 1,000 comments"):
        open_picture(b"P2 2 1 255\n" + 2000 * b"#a\n" + b"1 2")


def test_a_file_is_no_larger_than_the_memory() -> None:
    with pytest.raises(UnreadablePicture, match="the data: it has more than 0 MiB"):
        open_picture(encoded("L", (30, 30), "BMP"), limits=PictureLimits(memory=100))
