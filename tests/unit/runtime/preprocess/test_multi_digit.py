"""Pictures of many digits: where they are, and in which order they are read."""

from itertools import product

import numpy as np
import pytest
from PIL import Image, ImageDraw

from mnistx_export.golden import draw_digit
from mnistx_runtime import PredictionRefused, Predictor
from mnistx_runtime.preprocess.multi_digit import prepare_digits
from photos import Scene, photograph

PREDICTOR = Predictor()
SIDE = 100


def sheet(*lines: str, gap: int = 0) -> Image.Image:
    """Lines of digits in squares of 100 pixels, dark on white."""
    width = max(len(line) for line in lines) * (SIDE + gap) + 60
    page = Image.new("L", (width, len(lines) * SIDE + 60), 255)
    for row, line in enumerate(lines):
        for column, digit in enumerate(line):
            ink = Image.fromarray(255 - draw_digit(int(digit), row + 3 * column, SIDE))
            page.paste(ink, (30 + column * (SIDE + gap), 30 + row * SIDE))
    return page


@pytest.mark.parametrize(
    "lines",
    [("7",), ("20742",), ("11111",), ("0000000000",), ("123", "4567", "89"), ("10", "01") * 4, ("5555555555",) * 8],
    ids=lambda lines: f"{len(lines)}x{len(lines[0])}",
)
def test_lines_are_read_from_top_to_bottom_and_from_left_to_right(lines: tuple[str, ...]) -> None:
    assert PREDICTOR.predict_many(sheet(*lines)).text == "\n".join(lines)


def test_light_ink_on_dark_and_a_photo_are_read_like_a_page() -> None:
    page = sheet("90", "36")
    assert PREDICTOR.predict_many(Image.eval(page, lambda level: 255 - level)).text == "90\n36"
    row = np.concatenate([draw_digit(int(digit), 2) for digit in "4711"], axis=1)
    photo = photograph(row, Scene(light=0.5, ruling="squared", rotation=4, noise=0.02), 1)
    assert PREDICTOR.predict_many(photo).text == "4711"


@pytest.mark.parametrize("angle", [-8, 8])
def test_a_line_may_climb_or_sink(angle: int) -> None:
    turned = sheet("314159", "265358").rotate(angle, Image.Resampling.BICUBIC, expand=True, fillcolor=255)
    assert PREDICTOR.predict_many(turned).text == "314159\n265358"


def test_a_printed_box_comb_lines_and_dirt_are_no_digits() -> None:
    page = sheet("50283", gap=20)
    draw = ImageDraw.Draw(page)
    draw.rectangle((8, 8, page.width - 8, page.height - 8), outline=0, width=3)
    for x, y in ((40, 20), (300, 140), (500, 60)):
        draw.ellipse((x, y, x + 4, y + 4), fill=0)
    assert PREDICTOR.predict_many(page).text == "50283"
    boxed = sheet("417", gap=30)
    for column in range(3):
        at = 22 + column * (SIDE + 30)
        ImageDraw.Draw(boxed).rectangle((at, 22, at + SIDE + 16, 138), outline=90, width=2)
    assert PREDICTOR.predict_many(boxed).text == "417"


def test_boxes_hold_each_digit_in_the_pixels_of_the_picture() -> None:
    page = sheet("38", "61").resize((2600, 2600))
    for line, row in zip(PREDICTOR.predict_many(page).lines, range(2), strict=True):
        for digit, column in zip(line, range(2), strict=True):
            assert digit.box is not None
            left, top, right, bottom = digit.box
            assert 300 + column * 1000 <= left + 10 < right <= 1310 + column * 1000
            assert 300 + row * 1000 <= top + 10 < bottom <= 1310 + row * 1000


def test_strokes_that_do_not_touch_make_one_digit() -> None:
    five = 255 - draw_digit(5, 1, 280)
    five[78:90] = 255
    assert PREDICTOR.predict_many(five).text == "5"


def test_digits_that_touch_are_cut_apart() -> None:
    touching = sheet("800", gap=-24)
    assert PREDICTOR.predict_many(touching).text == "800"


@pytest.mark.parametrize("name", "0123456789")
def test_one_digit_is_prepared_as_it_is_alone(name: str) -> None:
    page = sheet(name)
    ((digit,),) = PREDICTOR.explain_many(page)[0]
    alone = PREDICTOR.explain(page)[0]
    nearby = (np.roll(digit.image, step, (1, 2)) for step in product((-1, 0, 1), repeat=2))  # rounded to whole pixels
    assert min(np.abs(image.astype(int) - alone.image).mean() for image in nearby) < 8
    assert np.abs(np.array(digit.box) - np.array(alone.box)).max() <= 4


def test_an_unsure_digit_is_shown_as_a_question_mark() -> None:
    page = sheet("123")
    reading = PREDICTOR.explain_many(page)[1]
    least = min(reading.digits, key=lambda digit: digit.probability)
    with pytest.raises(PredictionRefused, match="not sure enough of 1 of 3") as raised:
        reading.require(least.probability + 1e-9)
    assert "123".replace(least.name, "?") in str(raised.value)


def test_a_low_wide_piece_of_ink_is_cut_nowhere() -> None:
    blot = Image.new("L", (200, 200), 255)
    ImageDraw.Draw(blot).ellipse((60, 60, 110, 110), fill=0)
    pieces = [piece for line in prepare_digits(blot) for piece in line]
    assert pieces and all(piece.image.max() == 255 for piece in pieces)


def test_no_ink_and_no_digit_are_refused() -> None:
    with pytest.raises(PredictionRefused, match="no ink"):
        PREDICTOR.predict_many(Image.new("L", (300, 200), 255))
    noise = np.random.default_rng(0).integers(0, 256, (300, 400), dtype=np.uint8)
    with pytest.raises(PredictionRefused):
        PREDICTOR.predict_many(noise)
