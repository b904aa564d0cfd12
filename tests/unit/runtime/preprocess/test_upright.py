from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from mnistx_runtime.preprocess.ink import turn_upright
from mnistx_runtime.preprocess.resize import Resize, resize_picture
from mnistx_runtime.preprocess.upright import apply_turn, turn_of

WAYS: list[Callable[[Image.Image], Any]] = [
    turn_upright,
    lambda picture: Image.fromarray(resize_picture(picture, 1, 30, 30, Resize(upright=True))[0]),
]


def picture(mode: str = "L") -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30)).astype(np.uint8)
    return Image.fromarray(pixels).convert(mode)


@pytest.mark.parametrize("orientation", range(10))
def test_a_picture_is_turned_as_pillow_turns_it(orientation: int) -> None:
    turned = picture()
    turned.getexif()[0x0112] = orientation
    expected = ImageOps.exif_transpose(turned)
    assert (np.asarray(apply_turn(turned, turn_of(turned))) == np.asarray(expected)).all()


@pytest.mark.parametrize("mode", ["L", "RGB", "I", "F", "I;16"])
def test_the_digit_reader_turns_pictures_of_any_depth(mode: str) -> None:
    turned = picture(mode)
    turned.getexif()[0x0112] = 6
    assert turn_upright(turned).size == (20, 30)


@pytest.mark.parametrize("exif", [b"damaged", b"Exif\0\0XX*\0\x08\0\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b""])
def test_damaged_exif_turns_nothing(exif: bytes) -> None:
    for way in WAYS:
        damaged = picture()
        damaged.info["exif"] = exif
        assert (np.asarray(way(damaged)) == np.asarray(way(picture()))).all()
