import numpy as np
import pytest

from mnistx_runtime.preprocess.components import components


def flooded(mask: np.ndarray) -> list[set[tuple[int, int]]]:
    """The pieces by flood fill: slow and plain."""
    left = {(int(y), int(x)) for y, x in zip(*np.nonzero(mask), strict=True)}
    pieces = []
    while left:
        piece, front = set(), [left.pop()]
        while front:
            y, x = front.pop()
            piece.add((y, x))
            around = {(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)} & left
            left -= around
            front += around
        pieces.append(piece)
    return pieces


@pytest.mark.parametrize("seed", range(40))
def test_pieces_areas_and_boxes_are_those_of_a_flood_fill(seed: int) -> None:
    random = np.random.default_rng(seed)
    mask = random.random(random.integers(1, 40, 2)) < random.uniform(0, 1)
    found = components(mask)
    expected = flooded(mask)
    assert len(found.areas) == len(expected)
    assert (found.labels >= 0).tolist() == mask.tolist()
    for piece in expected:
        (label,) = {int(found.labels[at]) for at in piece}
        rows, columns = zip(*piece, strict=True)
        assert found.areas[label] == len(piece)
        assert found.boxes[label].tolist() == [min(rows), min(columns), max(rows) + 1, max(columns) + 1]


def test_a_spiral_is_one_piece() -> None:
    mask = np.zeros((60, 60), bool)
    for k in range(0, 28, 4):
        mask[k, k : 60 - k] = mask[59 - k, k : 60 - k] = mask[k : 60 - k, 59 - k] = mask[k + 4 : 60 - k, k] = True
        mask[k + 4, k : k + 4] = True
    assert len(components(mask).areas) == len(flooded(mask)) == 1
