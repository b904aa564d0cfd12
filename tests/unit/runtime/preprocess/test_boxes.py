import pytest
from PIL import Image, ImageDraw

from mnistx_export.golden import draw_digit
from mnistx_runtime import Predictor

PREDICTOR = Predictor()


def form(text: str, gap: int = 0, comb: bool = False) -> Image.Image:
    """A row of boxes or a comb; "_" leaves a place empty."""
    page = Image.new("L", (60 + len(text) * (90 + gap), 180), 250)
    draw = ImageDraw.Draw(page)
    for k, name in enumerate(text):
        left = 30 + k * (90 + gap)
        if comb:
            draw.line((left, 150, left + 90, 150), fill=30, width=3)
            draw.line((left, 60, left, 150), fill=30, width=3)
            draw.line((left + 90, 60, left + 90, 150), fill=30, width=3)
        else:
            draw.rectangle((left, 30, left + 90, 150), outline=30, width=3)
        if name != "_":
            page.paste(30, (left + 5, 50), Image.fromarray(draw_digit(int(name), 1, 80)))
    return page


@pytest.mark.parametrize("text", ["20742", "4_7", "8__36", "_5_"])
@pytest.mark.parametrize("gap", [0, 30])
def test_an_empty_box_is_a_place_in_the_row(text: str, gap: int) -> None:
    reading = PREDICTOR.predict_many(form(text, gap))
    assert reading.text == text and reading.digits_only == text.replace("_", "")
    assert [mark["text"] for mark in reading.to_dict()["marks"]] == ["_"] * text.count("_")


@pytest.mark.parametrize("text", ["20742", "4_7"])
def test_a_place_of_a_comb_may_be_empty_too(text: str) -> None:
    assert PREDICTOR.predict_many(form(text, comb=True)).text == text


@pytest.mark.parametrize("text", ["20742", "5_1", "11"])
def test_a_thick_wall_between_two_boxes_is_no_one(text: str) -> None:
    page = form(text)
    draw = ImageDraw.Draw(page)
    for k in range(1, len(text)):
        draw.rectangle((30 + 90 * k - 4, 30, 30 + 90 * k + 7, 150), fill=110)
    assert PREDICTOR.predict_many(page).text == text


@pytest.mark.parametrize("text", ["70", "1"])
def test_ones_between_two_lines_are_no_walls(text: str) -> None:
    page = Image.new("L", (60 + 90 * len(text), 180), 250)
    draw = ImageDraw.Draw(page)
    for row in (30, 150):
        draw.line((0, row, page.width, row), fill=30, width=3)
    for k, name in enumerate(text):
        page.paste(30, (35 + k * 90, 48), Image.fromarray(draw_digit(int(name), 1, 84)))
    assert PREDICTOR.predict_many(page).text == text


@pytest.mark.parametrize("at", range(4))
@pytest.mark.parametrize("top", [96, 120])
def test_a_digit_that_stands_low_in_its_box_is_on_the_line_of_the_others(at: int, top: int) -> None:
    page = form("____", 30)
    for k, name in enumerate("3068"):
        drawn = Image.fromarray(draw_digit(int(name), 1, 50))
        page.paste(30, (30 + k * 120 + 20, top if k == at else 36), drawn)
    assert PREDICTOR.predict_many(page).text == "3068"
