from typing import Any

import numpy as np
import pytest
from PIL import Image

from mnistx_runtime.preprocess.pen import Pen, channel_of, levels, pen_of


def page(ground: Any, ink: Any, mode: str = "RGB") -> Image.Image:
    found = Image.new(mode, (120, 160), ground)
    found.paste(ink, (55, 30, 65, 130))
    return found


@pytest.mark.parametrize(
    ("ground", "ink", "mode", "pen"),
    [
        (255, 0, "L", Pen(0, False)),
        (20, 200, "L", Pen(0, True)),
        ("white", "black", "RGB", Pen(0, False)),
        ("white", "yellow", "RGB", Pen(3, False)),
        ((200, 200, 60), (150, 200, 220), "RGB", Pen(3, True)),
    ],
)
def test_ink_is_dark_or_bright_in_brightness_or_in_the_colour_that_shows_it(
    ground: Any, ink: Any, mode: str, pen: Pen
) -> None:
    assert pen_of(page(ground, ink, mode)) == pen


def test_a_channel_of_a_grey_picture_is_itself() -> None:
    colour = page((10, 20, 30), (10, 20, 30))
    assert [channel_of(colour, k).getpixel((0, 0)) for k in (1, 2, 3)] == [10, 20, 30]
    assert channel_of(page(7, 7, "L"), 0).getpixel((0, 0)) == 7


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 1.0])
def test_levels_are_those_of_sorted_pixels(share: float) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (13, 7)).astype(np.uint8)
    assert levels(Image.fromarray(pixels), share) == [int(np.sort(pixels, axis=None)[int(share * 90)])]
