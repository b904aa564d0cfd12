from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from mnistx_export.golden import draw_digit
from mnistx_runtime import Predictor
from mnistx_runtime.preprocess.frames import close_frames
from mnistx_runtime.preprocess.rulings import Sizes, find_lines, printed_lines

PREDICTOR = Predictor()
Mask = NDArray[np.bool_]
TURNS: dict[str, Callable[[Mask], Mask]] = {
    "foot": lambda mask: mask,
    "top": lambda mask: mask[::-1].copy(),
    "right": lambda mask: mask.T.copy(),
    "left": lambda mask: mask.T[:, ::-1].copy(),
}


def frame(covered: bool = True) -> Mask:
    """A frame whose foot is all but covered by something thick, or wiped out there."""
    picture = Image.new("1", (120, 120))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((20, 20, 99, 99), outline=1, width=3)
    draw.rectangle((26, 80, 93, 112), fill=int(covered))
    return np.array(picture)


@pytest.mark.parametrize("side", TURNS)
def test_a_side_that_a_digit_hides_is_found(side: str) -> None:
    mask = TURNS[side](frame())
    sizes = Sizes.for_one(mask.shape)
    lines = find_lines(mask, sizes)
    assert sum(map(len, printed_lines(lines, mask.shape, sizes))) < 4
    closed = close_frames(mask, lines)
    assert [len(each) for each in printed_lines(closed, mask.shape, sizes)] == [2, 2]
    (new,) = [line for one, two in zip(closed, lines, strict=True) for line in one[len(two) :]]
    wanted = {"foot": 98, "top": 21, "right": 98, "left": 21}[side]
    assert abs(new.at(60) - wanted) <= 1 and abs(new.start - 21) <= 2 and abs(new.end - 99) <= 2 and new.thickness == 3


def test_where_there_is_no_ink_there_is_no_side() -> None:
    mask = frame(covered=False)
    lines = find_lines(mask, Sizes.for_one(mask.shape))
    assert close_frames(mask, lines) == lines


def test_a_whole_frame_gets_no_side_more() -> None:
    picture = Image.new("1", (120, 120))
    ImageDraw.Draw(picture).rectangle((20, 20, 99, 99), outline=1, width=3)
    mask = np.array(picture)
    lines = find_lines(mask, Sizes.for_one(mask.shape))
    assert close_frames(mask, lines) == lines


@pytest.mark.parametrize("name", "0236")
def test_a_digit_across_the_foot_of_its_box_is_read(name: str) -> None:
    page = Image.new("L", (200, 220), 250)
    ImageDraw.Draw(page).rectangle((60, 30, 140, 150), outline=40, width=3)
    page.paste(20, (58, 76), Image.fromarray(draw_digit(int(name), 2, 84)))
    assert PREDICTOR.predict(page).name == name
