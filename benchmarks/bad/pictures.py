"""Pictures that can't be read, or hold nothing to read, drawn here."""

import io
import os
import shutil
import socket
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from bad.case import Case, half, nothing, pipe, write

Draw = Callable[[ImageDraw.ImageDraw], object]


def encoded(picture: Image.Image, form: str, **options: object) -> bytes:
    """A picture as a file."""
    file = io.BytesIO()
    picture.save(file, form, **options)
    return file.getvalue()


def drawn(draw: Draw, size: tuple[int, int] = (100, 100)) -> bytes:
    """Ink on a white page, as a PNG."""
    page = Image.new("L", size, 255)
    draw(ImageDraw.Draw(page))
    return encoded(page, "PNG")


def one(draw: ImageDraw.ImageDraw, left: int = 45) -> None:
    """A stroke, which the model reads as a one."""
    draw.rectangle((left, 15, left + 9, 85), 0)


def two(draw: ImageDraw.ImageDraw) -> None:
    """A one and a zero."""
    one(draw, 15)
    draw.ellipse((110, 20, 170, 80), outline=0, width=8)


def png(width: int, height: int, *chunks: tuple[bytes, bytes], kind: int = 0) -> bytes:
    """A PNG with this header and these chunks, whatever they hold (W3C, PNG specification, 5)."""
    header = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    pieces = ((b"IHDR", header), *chunks, (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in pieces
    )


def scans(count: int) -> bytes:
    """A progressive JPEG that repeats its last scan."""
    data = encoded(Image.new("RGB", (2000, 2000), "white"), "JPEG", progressive=True)
    last = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + last * count + data[-2:]


def exif(data: bytes) -> bytes:
    """A JPEG with these bytes where its EXIF header is."""
    jpeg = encoded(Image.open(io.BytesIO(drawn(one))), "JPEG")
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(data) + 8) + b"Exif\0\0" + data + jpeg[2:]


def tiff(compression: str) -> bytes:
    """A TIFF whose pixels are no longer those that its library wrote."""
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)
    data = bytearray(encoded(Image.fromarray(noise), "TIFF", compression=compression))
    data[20:400] = bytes(range(256))[:380].ljust(380, b"\xff")
    return bytes(data)


def damaged_fax() -> bytes:
    """A TIFF of one bit, whose group 4 codes make libtiff complain."""
    page = Image.new("1", (640, 640), 1)
    ImageDraw.Draw(page).ellipse((100, 100, 500, 500), 0)
    data = bytearray(encoded(page, "TIFF", compression="group4"))
    data[30:300] = np.random.default_rng(1).bytes(270)
    return bytes(data)


def specks(draw: ImageDraw.ImageDraw) -> None:
    """A page with 3,000 pieces as large as digits."""
    for x in range(20, 2580, 46):
        for y in range(20, 2580, 46):
            draw.line((x, y, x + 4, y + 20), 0, 4)


def noise() -> bytes:
    """Grey at random."""
    return encoded(Image.fromarray(np.random.default_rng(0).integers(0, 256, (200, 200), np.uint8)), "PNG")


def landscape() -> bytes:
    """A hill under a sky."""
    page = Image.new("RGB", (300, 200), "skyblue")
    draw = ImageDraw.Draw(page)
    draw.ellipse((-60, 110, 260, 330), "darkgreen")
    draw.ellipse((220, 20, 260, 60), "yellow")
    return encoded(page, "PNG")


_TAGS = b"II*\0\x08\0\0\0\xff\xff" + bytes(range(200))
_WEBP = b"RIFF\x1a\0\0\0WEBPVP8L\x0e\0\0\0\x2f\xff\xff\xff\x0f\0\x07\x10\x11\x11\x88\x88\xfe\x07\0"


def _read(what: str, name: str, data: Callable[[], bytes], options: str = "", code: int = 2) -> Case:
    return Case(what, f"mnistx predict {name}{options}", lambda folder: write(name, data())(folder), code)


CASES = (
    _read("a text that is called a picture", "notes.png", lambda: b"buy milk\n"),
    _read("an empty file", "empty.png", lambda: b""),
    _read("a PNG that ends in the middle", "cut.png", lambda: half(noise())),
    _read("a JPEG that ends in the middle", "cut.jpg", lambda: half(encoded(Image.open(io.BytesIO(noise())), "JPEG"))),
    _read("a GIF that ends in the middle", "cut.gif", lambda: half(encoded(Image.open(io.BytesIO(noise())), "GIF"))),
    _read("bytes at random", "noise.jpg", lambda: np.random.default_rng(0).bytes(5000)),
    _read("a PNG that declares 60,000 x 60,000 pixels", "large.png", lambda: png(60_000, 60_000)),
    _read("a PNG that declares more than there may be", "huge.png", lambda: png(0x7FFFFFFF, 0x7FFFFFFF)),
    _read("a PNG without pixels", "none.png", lambda: png(0, 0)),
    _read("a PNG of a palette that it lacks", "palette.png", lambda: png(9, 9, (b"IDAT", b"x"), kind=3)),
    _read(
        "a PNG with a text that unpacks to 200 MB",
        "bomb.png",
        lambda: png(9, 9, (b"zTXt", b"Comment\0\0" + zlib.compress(bytes(200_000_000)))),
    ),
    _read("a WebP of 34 bytes that declares 16,384 x 16,384 pixels", "large.webp", lambda: _WEBP),
    _read("a JPEG of 900 scans", "scans.jpg", lambda: scans(900)),
    _read("a JPEG whose EXIF header is noise", "exif.jpg", lambda: exif(_TAGS), code=0),
    _read("a TIFF with damaged LZW codes", "lzw.tif", lambda: tiff("tiff_lzw")),
    _read("a TIFF with a damaged deflate stream", "deflate.tif", lambda: tiff("tiff_deflate")),
    _read("a TIFF with damaged fax codes", "fax.tif", damaged_fax, code=0),
    _read("a TIFF with tags at random", "tags.tif", lambda: _TAGS),
    _read("a PPM of comments", "comments.ppm", lambda: b"P6 " + b"#\n" * 500_000 + b"9 9 255\n" + bytes(243)),
    _read("a PPM of 3 million decimal numbers", "plain.ppm", lambda: b"P3 1100 1100 255\n" + b"9 " * 3_630_000),
    _read("a strip of 1 x 300,000 pixels", "strip.pgm", lambda: b"P5 1 300000 255\n" + bytes(300_000)),
    _read("a photograph as a telephone takes it", "phone.heic", lambda: b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" * 9),
    _read("a page of PostScript", "page.eps", lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n(x) show\n"),
    _read("a PDF", "page.pdf", lambda: b"%PDF-1.7\n"),
    _read("a drawing in SVG", "drawing.svg", lambda: b'<svg xmlns="http://www.w3.org/2000/svg"/>'),
    _read("a web page instead of a picture", "seven.jpg", lambda: b"<!DOCTYPE html><title>404</title>"),
    _read("a white page", "white.png", lambda: drawn(lambda _: None), code=1),
    _read("noise", "grain.png", noise, code=1),
    _read("a landscape", "hill.png", landscape, code=1),
    _read("two digits", "two.png", lambda: drawn(two, (200, 100)), code=1),
    _read("a page of 3,000 specks", "specks.png", lambda: drawn(specks, (2600, 2600)), " --many", code=1),
    _read("more sureness than there is", "seven.png", lambda: drawn(one), " --min-confidence 1", code=1),
)


def _good(folder: Path, *names: str) -> Path:
    (folder / "in").mkdir()
    for name in names:
        shutil.copy(folder / "good/three.jpg", folder / "in" / name)
    return folder / "in"


def one_damaged(folder: Path) -> None:
    """A damaged picture among good ones."""
    (_good(folder, "a.jpg", "c.jpg") / "b.jpg").write_bytes(b"\xff\xd8\xff")


def pipe_among(folder: Path) -> None:
    """What is no file, beside a picture."""
    os.mkfifo(_good(folder, "a.jpg") / "b.png")
    (folder / "in/c.png").symlink_to("nowhere")


def only_pipe(folder: Path) -> None:
    os.mkfifo(_good(folder) / "b.png")


def listen(folder: Path) -> None:
    """A socket that nobody answers at."""
    here = Path.cwd()
    os.chdir(folder)  # a socket's name may have 108 bytes only
    try:
        socket.socket(socket.AF_UNIX).bind("socket.png")
    finally:
        os.chdir(here)


def circle(folder: Path) -> None:
    """Two links to each other."""
    (folder / "a.png").symlink_to("b.png")
    (folder / "b.png").symlink_to("a.png")


FOLDERS = (
    Case("no such file", "mnistx predict no.png"),
    Case("no such folder", "mnistx predict no/such.png"),
    Case("an empty name", 'mnistx predict ""'),
    Case("a name longer than names may be", "mnistx predict $(printf 'a%.0s' {1..300}).png"),
    Case("a name that steers the terminal", r"mnistx predict $'a\e[31mb\nc.png'"),
    Case("a name that is no text", r"mnistx predict $'\xff\xfe.png'"),
    Case("a web address", "mnistx predict https://example.com/seven.png"),
    Case("a pipe that nobody writes to", "mnistx predict pipe.png", pipe("pipe.png")),
    Case("a device that never ends", "mnistx predict /dev/zero"),
    Case("a device of nothing", "mnistx predict /dev/null"),
    Case("a socket", "mnistx predict socket.png", listen),
    Case("links to each other", "mnistx predict a.png", circle),
    Case("a link to nothing", "mnistx predict link.png", lambda folder: (folder / "link.png").symlink_to("nowhere")),
    Case("an empty folder", "mnistx predict in", _good),
    Case("a folder of texts", "mnistx predict in", lambda folder: (_good(folder) / "a.txt").write_text("a")),
    Case("a folder of telephone pictures", "mnistx predict in", lambda f: (_good(f) / "a.HEIC").write_bytes(b"a")),
    Case("a folder with a pipe in it only", "mnistx predict in", only_pipe),
    Case("a pipe and a link to nothing beside a picture", "mnistx predict in", pipe_among, code=0, notes=1),
    Case("a damaged picture among others", "mnistx predict in", one_damaged),
    Case("nothing at standard input", "mnistx predict - < /dev/null"),
    Case("a text at standard input", "echo hello | mnistx predict -"),
    Case("more at standard input than a picture has", "mnistx predict - < /dev/zero"),
    Case("a closed standard input", "mnistx predict - <&-"),
    Case("two pictures to explain", "mnistx predict good/three.jpg good/three.jpg --explain e.png"),
    Case("no picture", "mnistx predict", nothing),
)
