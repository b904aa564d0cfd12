import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mnistx_runtime.errors import BadInput
from mnistx_runtime.pictures import open_picture

GREY = np.arange(600, dtype=np.uint32).reshape(20, 30).astype(np.uint8)


def encoded(picture: Image.Image, form: str) -> bytes:
    file = io.BytesIO()
    picture.save(file, form)
    return file.getvalue()


def png_of_size(side: int) -> bytes:
    """A PNG that says it has side x side pixels and holds next to none."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def test_a_path_bytes_a_picture_and_an_array_are_the_same_picture(tmp_path: Path) -> None:
    picture = Image.fromarray(GREY)
    path = tmp_path / "p.png"
    picture.save(path)
    for source in (path, str(path), path.read_bytes(), picture, GREY):
        assert (np.asarray(open_picture(source)) == GREY).all()


@pytest.mark.parametrize("shape", [(20, 30), (20, 30, 3), (20, 30, 4)])
def test_arrays_of_these_shapes_are_pictures(shape: tuple[int, ...]) -> None:
    assert open_picture(np.zeros(shape, np.uint8)).size == (30, 20)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((20, 30), np.float32),
        np.zeros((20, 30), np.int64),
        np.zeros(30, np.uint8),
        np.zeros((0, 30), np.uint8),
        np.zeros((20, 30, 2), np.uint8),
        np.zeros((1, 1, 28, 28), np.uint8),
    ],
)
def test_other_arrays_are_told_what_would_do(array: np.ndarray) -> None:
    with pytest.raises(BadInput, match=r"must be uint8 of shape \(height, width\)"):
        open_picture(array)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"])
def test_a_picture_cut_off_is_told_whatever_its_format(form: str, tmp_path: Path) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (200, 200, 3)).astype(np.uint8))
    data = encoded(noise, form)
    path = tmp_path / "cut"
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(BadInput, match="cut"):
        open_picture(path)


def test_files_that_are_no_pictures_are_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such file"):
        open_picture(tmp_path / "missing.png")
    with pytest.raises(BadInput, match="is a folder"):
        open_picture(tmp_path)
    (tmp_path / "empty.png").touch()
    with pytest.raises(BadInput, match="is empty"):
        open_picture(tmp_path / "empty.png")
    (tmp_path / "text.png").write_text("hello")
    with pytest.raises(BadInput, match="is not a picture in a format"):
        open_picture(tmp_path / "text.png")
    with pytest.raises(BadInput, match="the data is empty"):
        open_picture(b"")


def test_a_picture_of_40000_by_40000_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(BadInput, match="more than 178 million pixels"):
        open_picture(png_of_size(40_000))


def test_a_picture_between_pillows_two_limits_is_decoded_without_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    Image.new("1", (10_000, 10_000)).save(path)
    assert path.stat().st_size < 100_000
    assert open_picture(path).size == (10_000, 10_000)


def test_a_large_jpeg_is_decoded_at_a_smaller_scale(tmp_path: Path) -> None:
    path = tmp_path / "large.jpg"
    Image.new("RGB", (4000, 3000), "white").save(path)
    assert open_picture(path).size == (2000, 1500)
