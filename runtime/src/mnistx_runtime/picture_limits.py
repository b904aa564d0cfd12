"""What a picture may cost, told from what it declares before any of it is decoded.

A decoder can't be stopped, so its cost is bounded beforehand, by the bytes and nanoseconds that it takes for a pixel.
`benchmarks/worst_pictures.py` measures what the worst picture of each kind takes that passes.
"""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

_FORMAT_BYTES = {"WEBP": 20.0, "JPEG2000": 22.0, "AVIF": 10.0}
_MODE_BYTES = {"1": 3.0, "L": 3.0, "F": 12.0, "I": 12.0, "P": 10.0, "PA": 12.0, "LA": 12.0, "RGBA": 10.0, "CMYK": 10.0}
_OTHERS_BYTES = 6.5
"""Of memory, a pixel: Pillow's own four, what its libraries need, and what is made of the picture first."""

_SCAN_BYTES = 6.0
"""A pixel, of a JPEG in several scans: three components, two bytes a coefficient."""

_SCAN_NS = 1.3
"""A pixel and scan, of such a JPEG."""

_PYTHON_NS = 700.0
"""A sample, of what Pillow decodes in Python: PPM in decimal digits, or with another maximum than 255 or 65535."""

_PYTHON_CODECS = ("ppm", "ppm_plain")

_LONGEST_SIDE = 1 << 18
"""Pixels: Pillow keeps two pointers a row, and a row of one pixel is no picture."""

_HEADER = 1 << 16
_COMMENTS = 1000
_END_OF_LINE = re.compile(rb"[\r\n]")
_START_OF_SCAN = b"\xff\xda"


@dataclass(frozen=True)
class PictureLimits:
    """What one picture may cost.

    Args:
        memory: bytes that its file and its decoded pixels may take.
        seconds: of CPU time that decoding it may take, as reckoned on a core of 2024.

    >>> PictureLimits(memory=100_000_000).memory
    100000000
    """

    memory: int = 410_000_000
    seconds: float = 2.0

    def reason_against_file(self, data: bytes) -> str | None:
        """Why a file isn't opened at all; None if it may be.

        >>> PictureLimits().reason_against_file(b"P5 " + b"#" * 100_000)
        'its header has comments of more than 65536 bytes'
        """
        if len(data) > self.memory:
            return f"it has more than {self.memory >> 20} MiB; scale it down first"
        if data[:1] == b"P" and data[1:2] in b"123456fFyY":
            return _reason_against_comments(data)
        return None

    def reason_against(self, picture: "Image.Image", data: bytes, full: tuple[int, int]) -> str | None:
        """Why a picture isn't decoded; None if it may be.

        Args:
            picture: opened, not decoded; a JPEG at the scale at which it will be.
            data: of its file.
            full: width and height before it was scaled.
        """
        if max(full) > _LONGEST_SIDE:
            return f"it has a side of more than {_LONGEST_SIDE:,} pixels"
        pixels, whole = picture.width * picture.height, full[0] * full[1]
        scans = data.count(_START_OF_SCAN) if picture.format in ("JPEG", "MPO") else 1
        each = _MODE_BYTES.get(picture.mode, _OTHERS_BYTES)
        bytes_each = max(_FORMAT_BYTES.get(picture.format or "", 0), each)
        coefficients = _SCAN_BYTES * whole if scans > 1 else 0
        if len(data) + bytes_each * pixels + coefficients > self.memory:
            scanned = _SCAN_BYTES if scans > 1 else 0
            most = (self.memory - len(data)) / (bytes_each * pixels / whole + scanned)
            return f"it has more than {most / 1e6:.3g} million pixels; scale it down first"
        if scans > 1 and _SCAN_NS * scans * whole > self.seconds * 1e9:
            return f"it is a JPEG of {scans} scans, which take too long to decode; save it as a baseline JPEG"
        slow = any(tile[0] in _PYTHON_CODECS for tile in getattr(picture, "tile", ()))
        if slow and _PYTHON_NS * pixels * len(picture.getbands()) > self.seconds * 1e9:
            return "it is a PPM of a kind that takes too long to decode; save it as a PNG"
        return None


DEFAULT = PictureLimits()


def _reason_against_comments(data: bytes) -> str | None:
    """Of a PNM file, whose comments Pillow skips a byte, or copies a megabyte, at a time."""
    header = data[:_HEADER]
    if b"#" in header:
        read = b" ".join(line.partition(b"#")[0] for line in _END_OF_LINE.split(header)).split(maxsplit=4)
        if len(read) < (3 if data[1:2] in b"14" else 4):  # a bitmap names no brightest value
            return f"its header has comments of more than {_HEADER} bytes"
    if data[1:2] in b"123" and data.count(b"#") > _COMMENTS:
        return f"it has more than {_COMMENTS:,} comments"
    return None
