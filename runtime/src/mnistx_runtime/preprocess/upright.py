"""Turns a picture as its camera says."""

from PIL import Image

_ORIENTATION = 0x0112  # the EXIF tag
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF 2.32, 4.6.4 A: what makes the first row the visual top, and the first column the left side."""


def turn_of(picture: Image.Image) -> Image.Transpose | None:
    """How the picture has to be turned; None where it stands upright, or its EXIF data is damaged and says nothing.

    >>> picture = Image.new("L", (3, 2))
    >>> picture.getexif()[0x0112] = 6
    >>> turn_of(picture).name
    'ROTATE_270'
    """
    try:
        return _TURNS.get(picture.getexif().get(_ORIENTATION, 1))
    except Exception:  # Pillow raises any of several on damaged EXIF
        return None


def apply_turn(picture: Image.Image, turn: Image.Transpose | None) -> Image.Image:
    """The picture turned, itself where there's nothing to turn."""
    return picture if turn is None else picture.transpose(turn)
