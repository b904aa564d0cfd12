import numpy as np
import pytest
from PIL import Image

from mnistx_export.golden import draw_digit
from mnistx_runtime import Predictor
from mnistx_runtime.explain import draw_as_text, draw_explanation, draw_explanations, image_of
from mnistx_runtime.prediction import Prediction
from mnistx_runtime.preprocess import Prepared
from mnistx_runtime.preprocess.mnist_digit import prepare_digit

BLUE, RED = (31, 111, 180), (212, 61, 42)
PAGE = Image.fromarray(255 - draw_digit(5, 1, 280))


def colours(figure: Image.Image) -> set[tuple[int, ...]]:
    return {colour for _, colour in figure.getcolors(1 << 24) or [] if isinstance(colour, tuple)}


def prediction(count: int, reason: str | None = None) -> Prediction:
    shares = np.arange(1, count + 1, dtype=np.float32)
    names = tuple(f"class {i}" for i in range(count))
    return Prediction(count - 1, np.log(shares / shares.sum()), names, 1.0, rejection_reason=reason)


def test_a_digit_has_four_panels_and_another_picture_three() -> None:
    digit = draw_explanation(prepare_digit(PAGE), prediction(10))
    other = Prepared(PAGE.convert("RGB"), (0, 0, 280, 280), np.zeros((3, 40, 48), np.uint8))
    plain = draw_explanation(other, prediction(3))
    assert digit.height == plain.height and digit.width - plain.width == 300 + 24
    assert {BLUE, RED} <= colours(digit) and BLUE in colours(plain)
    assert RED not in colours(plain)  # all of the picture was read: no frame


@pytest.mark.parametrize("count", [2, 10, 11, 1000])
def test_any_number_of_classes_is_drawn(count: int) -> None:
    assert BLUE in colours(draw_explanation(prepare_digit(PAGE), prediction(count)))


def test_what_is_refused_is_not_called_an_answer() -> None:
    prepared = prepare_digit(PAGE)
    one, two = (draw_explanation(prepared, prediction(10, reason)) for reason in (None, "a blot"))
    assert one.tobytes() != two.tobytes()


def test_images_are_shown_in_their_colours() -> None:
    image = np.zeros((3, 8, 9), np.uint8)
    image[0] = 255
    assert image_of(image).getpixel((0, 0)) == (255, 0, 0) and image_of(image).size == (9, 8)
    assert image_of(image[:1]).getpixel((0, 0)) == 255 and image_of(image[:1]).mode == "L"


def test_shades_are_two_characters_a_pixel_and_at_most_56_pixels() -> None:
    assert draw_as_text(np.array([[[0, 64, 128, 192, 255]]], np.uint8)) == "  ░░▒▒▓▓██"
    large = draw_as_text(np.full((3, 100, 224), 255, np.uint8)).splitlines()
    assert {len(line) for line in large} == {112} and len(large) == 25


def test_many_digits_are_framed_and_the_unsure_ones_are_red() -> None:
    page = Image.fromarray(np.concatenate([255 - draw_digit(d, 1, 100) for d in (4, 2)], axis=1))
    predictor = Predictor()
    lines, reading = predictor.explain_many(page)
    assert reading.text == "42"
    sure = draw_explanations(lines, reading)
    assert BLUE in colours(sure)
    object.__setattr__(reading.lines[0][0], "rejection_reason", "a blot")
    assert RED in colours(draw_explanations(lines, reading))
