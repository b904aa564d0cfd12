import io
import struct
import threading
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from command import PICTURES
from mnistx_runtime.errors import BadInput, UnreadablePicture
from mnistx_runtime.picture_limits import PictureLimits
from mnistx_runtime.pictures import open_picture, source_name
from mnistx_runtime.predictor import Predictor
from mnistx_runtime.preprocess.none import NoPreprocess
from mnistx_runtime.preprocess.resize import ResizePreprocess

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


@pytest.mark.parametrize("form", ["PNG", "JPEG", "MPO", "GIF", "BMP", "PPM", "TIFF", "WEBP"])
def test_a_picture_is_what_pillow_makes_of_it_whatever_opens_it(form: str) -> None:
    picture, file = Image.fromarray(GREY).convert("RGB"), io.BytesIO()
    picture.save(file, form, **({"save_all": True, "append_images": [picture]} if form == "MPO" else {}))
    data = file.getvalue()
    found, expected = open_picture(data), Image.open(io.BytesIO(data))
    assert (type(found), found.format, found.mode) == (type(expected), form, expected.mode)
    assert (np.asarray(found) == np.asarray(expected)).all()


@pytest.mark.parametrize("data", [b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"\x89PNG\r\n\x1a\n" + b"x" * 40])
def test_a_beginning_alone_is_no_picture(data: bytes) -> None:
    with pytest.raises(BadInput, match="the data can't be read as a picture: "):
        open_picture(data)


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
    with pytest.raises(BadInput, match="more than"):
        open_picture(png_of_size(40_000))


def test_a_picture_between_pillows_two_limits_is_decoded_without_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    Image.new("1", (10_000, 10_000)).save(path)
    assert path.stat().st_size < 100_000
    assert open_picture(path).size == (10_000, 10_000)


def test_a_large_jpeg_is_decoded_at_a_smaller_scale(tmp_path: Path) -> None:
    path = tmp_path / "large.jpg"
    Image.new("RGB", (4000, 3000), "white").save(path)
    assert open_picture(path, draft=1024).size == (2000, 1500)
    assert open_picture(path, draft=1500).size == (2000, 1500)
    assert open_picture(path, draft=2000).size == open_picture(path).size == (4000, 3000)


def test_only_jpegs_are_decoded_at_another_scale(tmp_path: Path) -> None:
    picture = Image.new("RGB", (4000, 3000), "white")
    for form in ("PNG", "BMP"):
        assert open_picture(encoded(picture, form), draft=1024).size == (4000, 3000)


def test_the_digit_reader_asks_for_a_smaller_scale_and_others_for_the_whole_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "large.jpg"
    page = Image.new("RGB", (4000, 3000), "white")
    page.paste("black", (1900, 700, 2100, 2300))
    page.save(path)
    prepared, answer = Predictor().explain(path)
    assert answer.name == "1" and prepared.picture.size == (2000, 1500)
    assert ResizePreprocess.draft is None and NoPreprocess.draft is None


def test_only_a_path_has_a_name() -> None:
    assert source_name("a.png") == source_name(Path("a.png")) == "a.png"
    assert source_name(b"a.png") is source_name(GREY) is None


@pytest.mark.parametrize("form", ["AVIF", "TIFF", "WEBP", "GIF", "JPEG2000", "TGA", "PNG", "JPEG", "BMP", "PPM"])
def test_whatever_a_decoder_raises_on_damaged_data_is_told(form: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (60, 60, 3)).astype(np.uint8)
    data = encoded(Image.fromarray(noise), form)
    random = np.random.default_rng(1)
    for _ in range(40):
        damaged = bytearray(data)
        for at in random.integers(0, len(data), 12):
            damaged[at] = random.integers(0, 256)
        try:
            assert open_picture(bytes(damaged)).size
        except BadInput as error:
            assert str(error)


def test_postscript_is_not_run() -> None:
    page = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 30 30\n%%EndComments\nshowpage\n%%EOF\n"
    with pytest.raises(BadInput, match="not a picture in a format"):
        open_picture(page)


@pytest.mark.parametrize("source", [None, 7, io.BytesIO(b"x"), [1, 2]])
def test_what_is_no_picture_at_all_is_told(source: object) -> None:
    with pytest.raises(BadInput, match="a picture is a path"):
        open_picture(source)  # type: ignore[arg-type]


def test_a_picture_that_pillow_has_not_decoded_yet_may_be_cut_off() -> None:
    data = (PICTURES / "three.jpg").read_bytes()
    with pytest.raises(BadInput, match="can't be read"):
        open_picture(Image.open(io.BytesIO(data[:3000])))


def test_threads_leave_no_trace_in_the_warnings_filters() -> None:
    data = (PICTURES / "three.jpg").read_bytes()
    before = list(warnings.filters)
    workers = [threading.Thread(target=open_picture, args=(data,)) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert list(warnings.filters) == before


def test_an_empty_name_is_no_folder() -> None:
    with pytest.raises(UnreadablePicture, match="a picture's name can't be empty"):
        open_picture("")


def test_a_picture_that_takes_more_memory_than_there_is_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("PIL.JpegImagePlugin.JpegImageFile.load", fail)
    with pytest.raises(UnreadablePicture, match="can't be read as a picture: not enough memory"):
        open_picture(PICTURES / "three.jpg")


def test_a_file_is_read_whole_and_no_more_than_the_limit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("mnistx_runtime.pictures._BLOCK", 1000)
    picture = PICTURES / "three.jpg"
    assert open_picture(picture).tobytes() == open_picture(picture.read_bytes()).tobytes()
    with pytest.raises(UnreadablePicture, match="more than 0 MiB"):
        open_picture(picture, limits=PictureLimits(memory=2000))
