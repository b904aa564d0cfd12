import pytest

from mnistx_runtime.best_path import best_path


def test_spans_without_rivals_are_all_chosen() -> None:
    assert best_path([(0, 1), (1, 2), (2, 3)], [5.0, 0.1, 9.0]) == [0, 1, 2]
    assert best_path([], []) == []


@pytest.mark.parametrize(("whole", "expected"), [(0.5, [0]), (1.5, [1, 2])])
def test_the_cheaper_of_two_ways_is_chosen(whole: float, expected: list[int]) -> None:
    assert best_path([(0, 2), (0, 1), (1, 2)], [whole, 0.6, 0.6]) == expected


def test_the_cheapest_of_many_is_found_whatever_their_order() -> None:
    spans = [(2, 3), (0, 1), (0, 3), (1, 3), (1, 2), (0, 2)]
    assert best_path(spans, [0.1, 0.2, 2.0, 1.0, 0.3, 0.9]) == [1, 4, 0]


def test_two_that_take_the_same_place_compete() -> None:
    assert best_path([(0, 1), (0, 1), (1, 2)], [0.7, 0.2, 0.0]) == [1, 2]
