import numpy as np
import pytest

from mnistx_runtime.preprocess.segmentation import MIN_CONTRAST, segment


def ink(level: int = 200) -> np.ndarray:
    """An L and a dot beside it."""
    found = np.zeros((100, 80), np.uint8)
    found[20:80, 20:26] = found[74:80, 20:50] = level
    found[30:36, 60:66] = level
    return found


def test_ink_is_cut_into_its_pieces_with_their_weight() -> None:
    found = segment(ink())
    assert not found.is_empty and len(found.pieces.areas) == 2
    boxes = {tuple(int(side) for side in box) for box in found.pieces.boxes}
    assert boxes == {(20, 20, 80, 50), (30, 60, 36, 66)}
    assert found.weight.max() == pytest.approx(200 * (60 * 6 + 6 * 24))
    assert found.distinctness == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("level", [0, 1, MIN_CONTRAST // 2 - 1])
def test_what_hardly_stands_out_is_no_ink(level: int) -> None:
    found = segment(ink(level))
    assert found.is_empty and found.distinctness == 0


def test_a_patch_is_the_smallest_box_around_some_of_the_pieces() -> None:
    found = segment(ink())
    large = int(found.weight.argmax())
    patch = found.patch([large])
    assert (patch.top, patch.left, patch.mask.shape) == (20, 20, (60, 30))
    assert patch.levels.shape == patch.mask.shape and patch.levels.max() == 1
    assert patch.mask.sum() == 60 * 6 + 6 * 24
    both = found.patch([0, 1])
    assert both.mask.shape == (60, 46) and both.mask.sum() == patch.mask.sum() + 36


def test_a_frame_along_the_edge_is_taken_out() -> None:
    framed = ink()
    framed[:3] = framed[-3:] = 200
    framed[:, :3] = framed[:, -3:] = 200
    found = segment(framed)
    assert [len(lines) for lines in found.printed] == [2, 2]
    assert len(found.weight) == 2 and found.weight.min() > 0


def test_ruling_that_reaches_from_edge_to_edge_is_taken_for_ground() -> None:
    ruled = ink(250)
    ruled[::10] = np.maximum(ruled[::10], 80)
    ruled[:, ::10] = np.maximum(ruled[:, ::10], 80)
    found = segment(ruled)
    assert found.threshold > 80 and len(found.pieces.areas) == 2


def test_light_and_dark_that_run_into_each_other_are_hardly_distinct() -> None:
    ramp = np.tile(np.linspace(0, 255, 80, dtype=np.uint8), (100, 1))
    assert segment(ramp).distinctness < 0.8 < segment(ink()).distinctness
