from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw

from mnistx_runtime.preprocess.cutting import find_cuts, part_between
from mnistx_runtime.preprocess.segmentation import Patch


def patch_of(*zeros: tuple[int, int, int, int], size: tuple[int, int] = (130, 60), width: int = 5) -> Patch:
    picture = Image.new("L", size)
    for box in zeros:
        ImageDraw.Draw(picture).ellipse(box, outline=255, width=width)
    mask = np.asarray(picture) > 0
    return Patch(mask.astype(np.float32), mask, 10, 20)


def test_what_is_narrow_is_not_cut() -> None:
    assert find_cuts(patch_of((2, 2, 36, 57), size=(38, 60)), 60, 5) == []


def test_two_zeros_that_share_a_side_are_cut_along_it_and_both_keep_it() -> None:
    patch = patch_of((2, 2, 66, 57), (61, 2, 125, 57))
    shared = [cut for cut in find_cuts(patch, 56, 5) if (cut.right > cut.left).all()]
    assert len(shared) == 1
    left, right = part_between(patch, None, shared[0]), part_between(patch, shared[0], None)
    assert abs(left.mask.shape[1] - 65) <= 4 and abs(right.mask.shape[1] - 65) <= 4
    assert (left.top, left.left) == (12, 22) and right.top == 12


def test_a_cut_through_a_hole_costs_more_than_one_between_digits() -> None:
    patch = patch_of((2, 2, 62, 57), (64, 2, 124, 57), width=6)
    patch.mask[28:32, 58:68] = patch.levels[28:32, 58:68] = True
    cuts = find_cuts(patch, 56, 6)
    best = min(cuts, key=lambda cut: cut.ink)
    assert 58 <= best.column <= 68
    assert all(cut.ink > best.ink + 0.1 for cut in cuts if cut is not best)


def test_all_ink_between_neighbouring_cuts_is_the_whole() -> None:
    patch = patch_of((2, 2, 62, 57), (50, 2, 124, 57))
    cuts = [cut for cut in find_cuts(patch, 56, 5) if (cut.left == cut.right).all()]
    places = [None, *cuts, None]
    parts = [part_between(patch, *pair) for pair in pairwise(places)]
    assert sum(int(part.mask.sum()) for part in parts) == int(patch.mask.sum())
