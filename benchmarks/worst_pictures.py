"""What the worst picture of each kind costs that is read at all: `python benchmarks/worst_pictures.py FOLDER`.

Each is as large as the limits let it be, or refused at any size, and read by a process of its own: as one digit, as
many, and scaled for a classifier. Written are CPU seconds and the most memory that the process held.
"""

import io
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from mnistx_runtime.errors import UnreadablePicture
from mnistx_runtime.pictures import open_picture

Image.MAX_IMAGE_PIXELS = None

_DIGITS = "from mnistx_runtime import Predictor; Predictor().{method}(sys.argv[1])"
WAYS = {
    "one digit": _DIGITS.format(method="predict"),
    "many": _DIGITS.format(method="predict_many"),
    "scaled": (
        "from mnistx_runtime import InputSpec; from mnistx_runtime.pictures import open_picture; "
        "from mnistx_runtime.preprocess import preprocess_for; "
        "spec = InputSpec(channels=3, height=96, width=96, mean=0.5, std=0.5, preprocess='resize'); "
        "preprocess_for(spec).prepare(open_picture(sys.argv[1]))"
    ),
}
"""What a process does with a picture."""


def encoded(mode: str, form: str, most: int = 1 << 30, **options: object) -> Callable[[int], bytes]:
    """A maker of white pictures, of so many pixels a side at most.

    Args:
        mode: Pillow's.
        form: Pillow's name of the format.
        most: pixels of a side that the format knows.
        options: of the encoder.
    """

    def make(side: int) -> bytes:
        file = io.BytesIO()
        white = Image.new(mode, (min(side, most), min(side, most)), "white" if mode in ("1", "L", "RGB", "RGBA") else 1)
        white.save(file, form, **options)
        return file.getvalue()

    return make


def scans(count: int) -> Callable[[int], bytes]:
    """A maker of progressive JPEGs that repeat their last scan."""

    def make(side: int) -> bytes:
        data = encoded("RGB", "JPEG", 65_500, progressive=True)(side)
        last = data[data.rindex(b"\xff\xda") : -2]
        return data[:-2] + last * (count - data.count(b"\xff\xda")) + data[-2:]

    return make


def plain(side: int) -> bytes:
    """A PPM in decimal digits, of as many pixels as are decoded in Python."""
    side = min(side, 970)
    return b"P3 %d %d 255\n" % (side, side) + b"9 " * (3 * side * side)


def comments(text: bytes, before: bytes, after: bytes) -> Callable[[int], bytes]:
    """A maker of small PPMs with as many comments as a picture has pixels."""
    return lambda side: before + text * (side * side // len(text)) + after


def pattern(kind: str) -> Callable[[int], bytes]:
    """A maker of PNGs with ink everywhere, 4,096 pixels a side at most: what is larger is averaged down."""

    def make(side: int) -> bytes:
        side = min(side, 4096)
        random = np.random.default_rng(0)
        y, x = np.mgrid[:side, :side]
        if kind == "noise":
            ink = random.random((side, side)) < 0.5
        elif kind == "checkered":
            ink = (x // 11 + y // 11) % 2 == 0
        elif kind == "specks":
            ink = (x % 23 < 4) & (y % 23 < 4)
        elif kind == "zigzag":
            ink = np.abs((x % 64) - 32) * 2 // 8 == y % 64 // 8
        else:
            ink = (y % 40 < 12) | ((x > side - 20) & (y % 80 < 52)) | ((x < 20) & (y % 80 >= 40))
        file = io.BytesIO()
        Image.fromarray(np.where(ink, np.uint8(0), np.uint8(255))).save(file, "PNG")
        return file.getvalue()

    return make


KINDS: dict[str, Callable[[int], bytes]] = {
    "PNG, 1 bit": encoded("1", "PNG"),
    "PNG, grey": encoded("L", "PNG"),
    "PNG, colour": encoded("RGB", "PNG"),
    "PNG, colour and alpha": encoded("RGBA", "PNG"),
    "PNG, palette with a transparent colour": encoded("P", "PNG", transparency=3),
    "PNG, 16 bits": encoded("I;16", "PNG"),
    "JPEG": encoded("RGB", "JPEG", 65_500),
    "JPEG, progressive": encoded("RGB", "JPEG", 65_500, progressive=True),
    "JPEG, progressive, every colour pixel": encoded("RGB", "JPEG", 65_500, progressive=True, subsampling=0),
    "JPEG, 100 scans": scans(100),
    "JPEG, four inks": encoded("CMYK", "JPEG", 65_500),
    "WebP": encoded("RGB", "WEBP", 16_383, lossless=True),
    "WebP, alpha": encoded("RGBA", "WEBP", 16_383, lossless=True),
    "AVIF": encoded("RGB", "AVIF", speed=10),
    "JPEG 2000": encoded("RGB", "JPEG2000"),
    "TIFF, deflate": encoded("RGB", "TIFF", compression="tiff_deflate"),
    "TIFF, float": encoded("F", "TIFF", compression="tiff_deflate"),
    "GIF": encoded("P", "GIF", 65_535),
    "TGA, run lengths": encoded("RGB", "TGA", 65_535, compression="tga_rle"),
    "BMP": encoded("RGB", "BMP"),
    "PPM": encoded("RGB", "PPM"),
    "PPM in digits": plain,
    "PPM, a comment in the header": comments(b"#" + b"a" * 1000, b"P6\n", b"\n4 4 255\n" + b"a" * 48),
    "PPM, comments in the digits": comments(b"#a\n", b"P3 4 4 255\n", b"1 " * 48),
    "noise": pattern("noise"),
    "checkered": pattern("checkered"),
    "specks": pattern("specks"),
    "zigzag": pattern("zigzag"),
    "one stroke": pattern("one stroke"),
}


def largest(make: Callable[[int], bytes], side: int = 8500) -> tuple[bytes, str]:
    """The largest picture of a kind that is read, or one that is not at any size, and why not.

    Args:
        make: of a picture of so many pixels a side.
        side: that is tried first.
    """
    data = make(side)
    try:
        open_picture(data, draft=1024)
        return data, ""
    except UnreadablePicture as error:
        found = re.search(r"more than ([\d.]+) million pixels", str(error))
        if found:
            return largest(make, int((float(found[1]) * 1e6) ** 0.5) - 16)
        return data, str(error).removeprefix("the data: ")


def pixels_of(data: bytes) -> int:
    """Of a picture, as it declares."""
    with Image.open(io.BytesIO(data)) as opened:
        return opened.width * opened.height


def cost(way: str, path: Path) -> list[str]:
    """CPU seconds and MB that a process takes to read a picture, or that it refuses to."""
    script = (
        "import sys, time\nfrom mnistx_runtime import PredictionRefused, UnreadablePicture\n"
        f"try:\n    {way}\nexcept UnreadablePicture: print('refused'); sys.exit()\nexcept PredictionRefused: pass\n"
        "from mnistx_runtime.benchmark.worker import peak_mib; print(time.process_time(), peak_mib())"
    )
    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True)
    if done.stdout.startswith("refused"):
        return ["refused", ""]
    seconds, peak = map(float, done.stdout.split())
    return [f"{seconds:.1f}", f"{peak * 1.048576:.0f}"]


def main(folder: Path) -> None:
    """Measure all kinds and write the table."""
    head = " | ".join(f"{way}, s | MB" for way in WAYS)
    lines = [
        "# What the worst pictures cost",
        "",
        "Each kind at the largest size that is read, `python benchmarks/worst_pictures.py artifacts`: CPU seconds and",
        "peak memory of a process that reads it, Python's start among them.",
        "",
        f"| kind | file, MB | million pixels | {head} |",
        "|---|---|---|" + "---|" * 2 * len(WAYS),
    ]
    with tempfile.TemporaryDirectory() as where:
        path = Path(where) / "picture"
        for kind, make in KINDS.items():
            data, reason = largest(make)
            path.write_bytes(data)
            row = [kind, f"{len(data) / 1e6:.2f}", "" if reason else f"{pixels_of(data) / 1e6:.1f}"]
            for way in WAYS.values():
                row += cost(way, path)
            if reason:
                row[-1] += f"({reason})"
            lines.append("| " + " | ".join(row) + " |")
            print(lines[-1], flush=True)
    (folder / "worst_pictures.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
