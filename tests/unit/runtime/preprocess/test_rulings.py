import numpy as np
import pytest
from PIL import Image, ImageDraw

from mnistx_export.golden import draw_digit
from mnistx_runtime import Predictor
from mnistx_runtime.preprocess.rulings import Lines, Ruling, Sizes, erase, find_lines, printed_lines

PREDICTOR = Predictor()


def boxed(
    digit: int, thick: int = 3, shade: int = 40, angle: float = 0.0, shift: tuple[int, int] = (0, 0)
) -> Image.Image:
    """A digit in its box, on a page with a margin."""
    page = Image.new("L", (220, 260), 250)
    ImageDraw.Draw(page).rectangle((30, 30, 190, 230), outline=shade, width=thick)
    drawn = Image.fromarray(255 - draw_digit(digit, 1, 150))
    page.paste(40, (35 + shift[0], 55 + shift[1]), Image.eval(drawn, lambda level: 255 - level))
    return page.rotate(angle, Image.Resampling.BICUBIC, fillcolor=250)


def lines_of(picture: Image.Image) -> Lines:
    mask = np.asarray(picture) < 128
    sizes = Sizes.for_one(mask.shape)
    return printed_lines(find_lines(mask, sizes), mask.shape, sizes)


@pytest.mark.parametrize("digit", range(10))
@pytest.mark.parametrize(("thick", "shade", "angle"), [(2, 40, 0), (8, 0, 0), (3, 90, 2), (3, 40, -3)])
def test_a_digit_in_its_box_is_read(digit: int, thick: int, shade: int, angle: float) -> None:
    assert PREDICTOR.predict(boxed(digit, thick, shade, angle), min_confidence=0).label == digit


@pytest.mark.parametrize("digit", [0, 3, 4, 7, 8, 9])
def test_a_digit_that_crosses_its_box_is_read(digit: int) -> None:
    assert PREDICTOR.predict(boxed(digit, shift=(0, 40)), min_confidence=0).label == digit


def test_the_four_sides_of_a_box_are_printed_and_the_strokes_in_it_are_not() -> None:
    level, upright = lines_of(boxed(1))
    assert (len(level), len(upright)) == (2, 2)
    assert {round(line.at(100)) for line in level} == {31, 229}
    assert {round(line.at(100)) for line in upright} == {31, 189}
    assert all(line.thickness == 3 for line in (*level, *upright))


@pytest.mark.parametrize("digit", range(10))
def test_a_digit_without_print_keeps_all_its_strokes(digit: int) -> None:
    assert lines_of(Image.fromarray(255 - draw_digit(digit, 2, 200))) == ([], [])


def test_a_line_from_edge_to_edge_is_printed_and_one_that_ends_before_is_not() -> None:
    page = Image.new("L", (200, 200), 255)
    draw = ImageDraw.Draw(page)
    draw.line((0, 150, 199, 150), fill=0, width=3)
    draw.line((30, 60, 120, 60), fill=0, width=3)
    level, upright = lines_of(page)
    assert [round(line.at(0)) for line in level] == [150] and not upright


def test_a_stroke_across_a_line_is_left_standing_where_the_line_is_taken_out() -> None:
    mask = np.zeros((100, 100), np.bool_)
    mask[60:63] = True
    mask[20:90, 48:53] = True
    sizes = Sizes.for_one(mask.shape)
    left = mask & ~erase(mask, printed_lines(find_lines(mask, sizes), mask.shape, sizes))
    assert left[60:63, 48:53].all() and not left[60:63, :40].any() and not left[60:63, 60:].any()


def test_teeth_are_printed_where_two_stand_at_the_ends_of_their_line() -> None:
    mask = np.zeros((100, 300), np.bool_)
    mask[80:82, 20:280] = True
    for x in (20, 105, 190, 278):
        mask[50:82, x : x + 2] = True
    sizes = Sizes.for_height(40)
    level, upright = printed_lines(find_lines(mask, sizes), mask.shape, sizes)
    assert len(level) == 1 and len(upright) == 4
    mask[:, :60] = mask[:, 250:] = False
    mask[80:82] = True  # two that stand on a line from edge to edge may be ones
    level, upright = printed_lines(find_lines(mask, sizes), mask.shape, sizes)
    assert len(level) == 1 and not upright


@pytest.mark.parametrize(
    ("low", "count"),
    [((105, 190), 4), ((70, 190), 2), ((148,), 2)],
    ids=["places of one width", "strokes of a digit", "a 1 in a box"],
)
def test_low_teeth_are_printed_where_they_stand_evenly(low: tuple[int, ...], count: int) -> None:
    mask = np.zeros((100, 300), np.bool_)
    mask[80:82, 20:280] = True
    for x in (20, 278):
        mask[20:82, x : x + 2] = True
    for x in low:
        mask[50:82, x : x + 2] = True
    sizes = Sizes.for_height(30)
    level, upright = printed_lines(find_lines(mask, sizes), mask.shape, sizes)
    assert len(level) == 1 and len(upright) == count


@pytest.mark.parametrize(("thick", "sink"), [(5, 6), (3, 0)], ids=["a thicker stroke askew", "a printed line"])
def test_a_stroke_from_side_to_side_is_told_from_print_by_its_thickness_and_slope(thick: int, sink: int) -> None:
    page = Image.new("L", (140, 160), 255)
    draw = ImageDraw.Draw(page)
    draw.rectangle((20, 20, 120, 140), outline=0, width=3)
    draw.line((22, 60, 118, 60 + sink), fill=0, width=thick)
    level, upright = lines_of(page)
    assert len(upright) == 2 and len(level) == (2 if sink else 3)


def test_noise_is_no_line() -> None:
    mask = np.random.default_rng(0).random((300, 300)) < 0.4
    sizes = Sizes.for_one(mask.shape)
    assert not any(printed_lines(find_lines(mask, sizes), mask.shape, sizes))


def test_a_line_that_is_shorter_than_what_crosses_it_is_taken_out_too() -> None:
    mask = np.zeros((20, 20), np.bool_)
    mask[8:12, 5:8] = True
    erased = erase(mask, ([Ruling(5, 8, 9.5, 0.0, 4.0)], []))
    assert erased[8:12, 5:8].all() and not erased[:, :5].any()
