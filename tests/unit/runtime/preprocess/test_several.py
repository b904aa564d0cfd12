import numpy as np
import pytest
from PIL import Image, ImageDraw

from mnistx_export.golden import draw_digit
from mnistx_runtime import PredictionRefused, Predictor
from mnistx_runtime.preprocess.several import are_several

PREDICTOR = Predictor()


def sheet(*lines: str) -> Image.Image:
    """Lines of digits in squares of 100 pixels."""
    page = Image.new("L", (100 * max(map(len, lines)) + 60, 100 * len(lines) + 60), 250)
    for row, line in enumerate(lines):
        for column, name in enumerate(line):
            page.paste(20, (30 + column * 100, 30 + row * 100), Image.fromarray(draw_digit(int(name), row, 100)))
    return page


@pytest.mark.parametrize("lines", [("20",), ("283", "872"), ("57", "62"), ("7", "1", "0"), ("9816", "9552", "0888")])
def test_digits_in_rows_are_refused_where_one_is_asked_for(lines: tuple[str, ...]) -> None:
    with pytest.raises(PredictionRefused, match="more than one digit"):
        PREDICTOR.predict(sheet(*lines))


@pytest.mark.parametrize("count", [2, 3, 5])
def test_zeros_that_touch_are_no_one_digit(count: int) -> None:
    page = Image.new("L", (100 + count * 84, 200), 245)
    for k in range(count):
        ImageDraw.Draw(page).ellipse((50 + k * 80, 50, 136 + k * 80, 150), outline=30, width=8)
    with pytest.raises(PredictionRefused, match="more than one digit"):
        PREDICTOR.predict(page)


@pytest.mark.parametrize(
    ("boxes", "weight", "several"),
    [
        ([(0, 0, 100, 60)], [9], False),
        ([(0, 0, 100, 60), (0, 70, 100, 130)], [9, 9], True),
        ([(0, 0, 100, 60), (0, 70, 100, 130)], [9, 1], False),  # a speck
        ([(0, 0, 45, 60), (50, 0, 100, 60)], [9, 9], False),  # a broken digit
        ([(0, 0, 100, 60), (130, 0, 230, 60)], [9, 9], True),
        ([(0, 0, 100, 30), (20, 35, 100, 60)], [9, 9], False),  # the strokes of a four
    ],
)
def test_pieces_are_several_digits_if_they_stand_apart(
    boxes: list[tuple[int, ...]], weight: list[float], several: bool
) -> None:
    assert are_several(np.array(boxes), np.array(weight, float)) == several
