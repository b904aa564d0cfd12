"""Digits as typefaces draw them, by other hands and in print, and characters that are no digit.

The families are open ones of the npm registry (@fontsource/NAME); fonts.csv names each with its version, its licence,
whether it is for training or kept for tests, and the digest of each file. None of them is part of mnistx:
`python benchmarks/fetch_fonts.py FOLDER` fetches them, and `MNISTX_FONTS` names that folder.
"""

import csv
import os
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mnistx_runtime.preprocess.mnist_image import image_from_patch
from mnistx_runtime.preprocess.segmentation import Patch
from mnistx_train.datasets.base import Split
from mnistx_train.errors import NotAtHand

FONTS = "MNISTX_FONTS"
LIST = Path(__file__).with_name("fonts.csv")

_SIZE = 110  # pixels of a line of text, from which a digit is brought into the 20x20 box
_ROOM = 300
_FEWEST = 20  # pixels of ink; a font draws nothing for what it lacks


@dataclass(frozen=True)
class FontFile:
    """One file of a family.

    Args:
        family: its name, in npm's scope @fontsource.
        version: of that package.
        licence: of the family, by SPDX.
        kind: "hand" or "print".
        use: "train" or "test".
        file: its name in the package's folder `files`.
        sha256: of its bytes.
    """

    family: str
    version: str
    licence: str
    kind: str
    use: str
    file: str
    sha256: str


def font_files(use: str, kind: str | None = None) -> list[FontFile]:
    """The files for "train" or for "test", of one kind or of both."""
    with LIST.open(newline="") as file:
        found = [FontFile(**row) for row in csv.DictReader(file)]
    return [each for each in found if each.use == use and kind in (None, each.kind)]


def fonts_folder() -> Path:
    """The folder that MNISTX_FONTS names.

    Raises:
        NotAtHand: it names none.
    """
    named = os.environ.get(FONTS)
    if not named:
        raise NotAtHand(f"no fonts are at hand; `python benchmarks/fetch_fonts.py FOLDER`, and set {FONTS} to FOLDER")
    return Path(named)


def require_fonts(use: str) -> None:
    """Whether all files for that use are at hand, as they are listed.

    Raises:
        NotAtHand: one is missing, or another one.
    """
    folder = fonts_folder()
    for each in font_files(use):
        _read(folder, each)


def load_font(font: FontFile, size: int) -> ImageFont.FreeTypeFont:
    """A file of the fonts' folder, ready to draw.

    Args:
        font: which one.
        size: pixels of a line of text.

    Raises:
        NotAtHand: it is missing, or another one than is listed.
    """
    return ImageFont.truetype(BytesIO(_read(fonts_folder(), font)), size)


def characters(use: str, drawn: str, kind: str | None = None) -> Split:
    """Each of some characters in every font, made into the model's image by the digit reader, in MNIST's way.

    Args:
        use: "train" or "test".
        drawn: the characters.
        kind: "hand" or "print"; None for both.

    Returns:
        uint8 `(N, 1, 28, 28)`, and of each which of the characters it is, by its place among them. What a font lacks is
        left out.

    Raises:
        NotAtHand: a file is missing, or another one than is listed.
    """
    images, labels = [], []
    for each in font_files(use, kind):
        font = load_font(each, _SIZE)
        for label, character in enumerate(drawn):
            ink = _ink(font, character)
            if ink is not None:
                images.append(image_from_patch(ink))
                labels.append(label)
    return Split(np.stack(images)[:, None], np.array(labels, np.int64))


def _ink(font: ImageFont.FreeTypeFont, character: str) -> Patch | None:
    page = Image.new("L", (_ROOM, _ROOM))
    ImageDraw.Draw(page).text((_ROOM // 3, _ROOM // 4), character, 255, font)
    levels = np.asarray(page, np.float32) / np.float32(255)
    mask = levels > 0.5
    if mask.sum() < _FEWEST:
        return None
    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return Patch(levels[box], mask[box], 0, 0)


def _read(folder: Path, font: FontFile) -> bytes:
    path = folder / font.family / font.file
    again = f"`python benchmarks/fetch_fonts.py {folder}` fetches it"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise NotAtHand(f"{path} is missing; {again}") from error
    if sha256(data).hexdigest() != font.sha256:
        raise NotAtHand(f"{path} isn't that of {font.family} {font.version}; {again}")
    return data
