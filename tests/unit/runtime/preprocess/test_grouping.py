import numpy as np
import pytest

from mnistx_runtime.errors import PredictionRefused
from mnistx_runtime.preprocess.components import Components
from mnistx_runtime.preprocess.grouping import digit_height, group_pieces
from mnistx_runtime.preprocess.segmentation import Segmentation, segment

Box = tuple[int, int, int, int]


def boxes_of(*boxes: Box) -> Segmentation:
    """Ink in boxes: top, left, bottom, right, on a page of 200 x 400."""
    ink = np.zeros((200, 400), np.uint8)
    for top, left, bottom, right in boxes:
        ink[top:bottom, left:right] = 200
    return segment(ink, 60)


def groups(found: Segmentation) -> list[set[Box]]:
    grouped, _ = group_pieces(found, digit_height(found))
    return [{tuple(map(int, found.pieces.boxes[piece])) for piece in group} for group in grouped]  # type: ignore[misc]


TALL: list[Box] = [(50, 50, 100, 60), (50, 100, 100, 112), (52, 150, 100, 160)]


def test_the_height_of_a_digit_is_that_of_most_ink() -> None:
    assert digit_height(boxes_of(*TALL)) == 50
    assert digit_height(boxes_of(*TALL, (120, 30, 124, 34))) == 50


def test_a_frame_around_the_digits_does_not_decide_their_height() -> None:
    frame: list[Box] = [(30, 30, 34, 300), (140, 30, 144, 300), (30, 30, 144, 34), (30, 296, 144, 300)]
    assert digit_height(boxes_of(*TALL, *frame)) == 50


def test_each_tall_piece_is_a_digit() -> None:
    assert sorted(map(sorted, groups(boxes_of(*TALL)))) == sorted([box] for box in TALL)


def test_a_bar_above_a_five_belongs_to_it_and_far_crumbs_to_none() -> None:
    bar, crumb = (42, 52, 46, 70), (180, 380, 183, 383)
    found = groups(boxes_of(*TALL, bar, crumb))
    assert {TALL[0], bar} in found and len(found) == 3
    assert not any(crumb in group for group in found)


def test_two_strokes_close_side_by_side_are_one_digit_if_one_is_low() -> None:
    low, tall = (50, 50, 78, 58), (50, 62, 100, 70)
    assert {low, tall} in groups(boxes_of(low, tall, *[(50, 150, 100, 158), (50, 200, 100, 208)]))
    two = groups(boxes_of((50, 50, 100, 58), tall, (50, 150, 100, 158), (50, 200, 100, 208)))
    assert len(two) == 4


def test_no_ink_and_none_as_tall_as_a_digit_are_refused() -> None:
    empty = boxes_of()
    with pytest.raises(PredictionRefused, match="no ink found"):
        digit_height(empty)
    with pytest.raises(PredictionRefused, match="no ink is as tall as a digit"):
        group_pieces(boxes_of((50, 50, 55, 55)), 100)


def specks(count: int, height: int) -> Segmentation:
    """Equal strokes in rows and columns."""
    side = int(np.ceil(count**0.5))
    ink = np.zeros((side * (height + 4), side * 6), np.uint8)
    for k in range(count):
        top, left = k // side * (height + 4), k % side * 6
        ink[top + 2 : top + 2 + height, left + 2 : left + 4] = 200
    return segment(ink, height * 1.5)


def test_as_many_digits_as_a_page_holds_are_grouped_and_more_are_refused() -> None:
    assert len(group_pieces(specks(900, 8), 8)[0]) == 900
    for count in (1300, 30_000):
        found = specks(count, 8)
        with pytest.raises(PredictionRefused, match=f"{count:,} pieces of ink found that could be of digits"):
            group_pieces(found, digit_height(found))


def test_thousands_of_crumbs_are_refused() -> None:
    found = specks(5000, 8)
    boxes, pieces = found.pieces.boxes.copy(), found.pieces
    boxes[:3, 2] += 40
    weight = np.where(np.arange(5000) < 3, 9.0, 1.0)
    tall = Segmentation(found.ink, found.threshold, Components(pieces.labels, pieces.areas, boxes), weight, ([], []))
    with pytest.raises(PredictionRefused, match="4,997 pieces of ink"):
        group_pieces(tall, 48)


@pytest.mark.parametrize(
    ("mark", "expected"),
    [
        ((96, 70, 101, 76), "."),
        ((90, 70, 110, 78), ","),
        ((86, 65, 114, 93), ","),  # one that slants is as wide as high
        ((72, 66, 78, 92), "-"),
        ((52, 70, 58, 76), None),
    ],
)
def test_what_stands_beside_digits_is_told_from_them(mark: Box, expected: str | None) -> None:
    found = boxes_of((50, 50, 100, 60), (50, 100, 100, 112), (52, 150, 100, 160), mark)
    digits, marks = group_pieces(found, digit_height(found))
    assert [text for _, text in marks] == ([expected] if expected else [])
    assert len(digits) == 3 and not group_pieces(found, digit_height(found), delimited=False)[1]


def test_a_digit_as_wide_and_low_as_a_slanting_comma_is_none() -> None:
    digit = (74, 65, 102, 93)
    found = boxes_of((50, 50, 100, 60), (50, 100, 100, 112), (52, 150, 100, 160), digit)
    assert not group_pieces(found, digit_height(found))[1]
