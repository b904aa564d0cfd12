from typing import Any

import numpy as np
import pytest
from PIL import Image

from mnistx_runtime import image_from_picture
from mnistx_runtime.preprocess.ink import WORKING_SIDE, average_down, ink_of, quantile, room_of, turn_upright
from mnistx_runtime.preprocess.pen import pen_of


def page(ground: Any = "white", ink: Any = "black", mode: str = "RGB") -> Image.Image:
    found = Image.new(mode, (120, 160), ground)
    found.paste(ink, (55, 30, 65, 130))
    return found


def strength(picture: Image.Image) -> tuple[float, float]:
    """Of the ink inside the stroke, and of the ground away from it."""
    small, _ = average_down(turn_upright(picture))
    found = ink_of(small, pen_of(small))
    return float(found[40:120, 57:63].mean()), float(found[:, :40].mean())


@pytest.mark.parametrize(
    ("ground", "ink"),
    [("white", "black"), ("black", "white"), ((200,) * 3, (90,) * 3), ("yellow", "blue"), ("navy", "yellow")],
)
def test_ink_stands_out_and_ground_does_not(ground: Any, ink: Any) -> None:
    inside, outside = strength(page(ground, ink))
    assert inside > 60 and outside < 2


def test_a_colour_as_bright_as_the_paper_is_ink_all_the_same() -> None:
    ground, ink = (200, 200, 60), (150, 200, 220)
    grey = [round(0.299 * r + 0.587 * g + 0.114 * b) for r, g, b in (ground, ink)]
    assert abs(grey[0] - grey[1]) < 10
    inside, outside = strength(page(ground, ink))
    assert inside > 60 and outside < 2


def test_ink_in_the_shadow_counts_as_much_as_ink_beside_it() -> None:
    light = np.asarray(page()).astype(np.float32)
    paper = np.where(light > 128, 220, 40)
    shadow = paper.copy()
    shadow[80:] = shadow[80:] // 3
    picture = Image.fromarray(shadow.astype(np.uint8))
    found = ink_of(picture, pen_of(picture))
    assert found[100:120, 57:63].mean() > 0.7 * found[40:60, 57:63].mean()


def test_a_large_picture_is_averaged_down_and_its_factor_told() -> None:
    small, factor = average_down(Image.new("RGB", (1000, 2000), "red"))
    assert factor == 8 and max(small.size) <= WORKING_SIDE and small.getpixel((0, 0)) == (255, 0, 0)
    same = Image.new("L", (30, 20), 7)
    assert average_down(same) == (same, 1)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "I", "F"])
def test_any_picture_is_turned_to_grey_or_colour(mode: str) -> None:
    assert turn_upright(Image.new(mode, (30, 20))).mode in ("L", "RGB")


@pytest.mark.parametrize(("drawn", "ground"), [("black", 255), ("white", 0)])
def test_a_transparent_ground_is_the_opposite_of_what_is_drawn_on_it(drawn: str, ground: int) -> None:
    picture = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    picture.paste(drawn, (10, 10, 20, 30))
    assert turn_upright(picture).convert("L").getpixel((0, 0)) == ground


def test_twelve_bits_in_a_sixteen_bit_picture_are_ink_all_the_same() -> None:
    found = np.full((100, 100), 4000, np.uint16)
    found[20:80, 45:55] = 100
    assert image_from_picture(Image.fromarray(found)).max() == 255


def test_the_room_of_a_digit_is_the_shorter_side_unless_it_is_a_narrow_one() -> None:
    assert room_of((4, 100, 300)) == 180 and room_of((100, 120)) == 100


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 1.0])
def test_a_quantile_is_one_of_the_values(share: float) -> None:
    values = np.random.default_rng(0).random((13, 7)).astype(np.float32)
    assert quantile(values, share) == pytest.approx(float(np.sort(values, axis=None)[int(share * 90)]))
