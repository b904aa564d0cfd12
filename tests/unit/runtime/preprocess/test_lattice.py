import numpy as np
import pytest
from PIL import Image, ImageDraw

from mnistx_export.golden import draw_digit
from mnistx_runtime import Predictor
from mnistx_runtime.preprocess.mnist_digit import prepare_digit
from mnistx_runtime.preprocess.multi_digit import prepare_digits

PREDICTOR = Predictor()


def zeros(count: int) -> Image.Image:
    """A five, and zeros that touch."""
    page = Image.new("L", (120 + count * 100, 200), 245)
    page.paste(30, (10, 40), Image.fromarray(draw_digit(5, 1, 120)))
    for k in range(count):
        ImageDraw.Draw(page).ellipse((130 + k * 84, 55, 220 + k * 84, 150), outline=30, width=7)
    return page


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_zeros_that_touch_are_told_apart(count: int) -> None:
    assert PREDICTOR.predict_many(zeros(count), min_confidence=0).text == "5" + "0" * count


def test_the_spans_of_a_line_lead_from_its_first_place_to_its_last() -> None:
    (line,) = prepare_digits(zeros(3))
    last = max(prepared.span[1] for prepared in line)
    assert min(prepared.span[0] for prepared in line) == 0
    assert all(any(prepared.span == (at, at + 1) for prepared in line) for at in range(last))
    assert len(line) > last


def test_a_neighbour_that_comes_in_from_the_side_is_left_out() -> None:
    page = Image.new("L", (150, 120), 245)
    page.paste(30, (0, 5), Image.fromarray(draw_digit(3, 1, 110)))
    page.paste(30, (84, 5), Image.fromarray(draw_digit(0, 1, 110)))
    cropped = page.crop((0, 0, 118, 120))
    assert PREDICTOR.predict(cropped, min_confidence=0).label == 3


def test_a_digit_away_from_the_sides_has_no_alternative() -> None:
    page = Image.fromarray(255 - np.pad(draw_digit(2, 1, 100), 30))
    assert prepare_digit(page).alternatives == ()
