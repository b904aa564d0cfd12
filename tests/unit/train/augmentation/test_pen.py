import pytest
import torch
from torch import Tensor

from mnistx_train.augmentation.pen import (
    JOINED,
    WAYS,
    add_flag_and_foot,
    cross,
    draw,
    hook,
    loop,
    rewrite,
    stroke_width,
)
from mnistx_train.datasets import Split


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def line(*points: tuple[float, float], width: float = 2.0) -> Tensor:
    return draw(torch.tensor([points]), torch.ones(len(points) - 1, dtype=torch.bool), torch.tensor([width]))


def one(width: float = 3.0) -> Tensor:
    return line((14.0, 4.5), (14.0, 23.5), width=width)


def seven() -> Tensor:
    return line((7.5, 4.5), (20.5, 4.5), (12.5, 23.5), width=2.5)


def test_a_line_is_as_wide_as_asked_and_ends_round() -> None:
    found = line((8.0, 14.5), (20.0, 14.5), width=3.0)[0, 0]

    assert found[:, 14].tolist() == [0.0] * 13 + [1.0] * 3 + [0.0] * 12
    assert float(found.sum()) == pytest.approx(3 * 12 + torch.pi * 1.5**2, rel=0.03)
    assert float(found[14, 6]) == 0.5 == float(found[14, 21])


def test_a_lifted_pen_draws_nothing() -> None:
    path = torch.tensor([[[5.0, 5.0], [5.0, 20.0], [20.0, 20.0], [20.0, 5.0]]])

    found = draw(path, torch.tensor([True, False, True]), torch.tensor([2.0]))[0, 0]

    assert float(found[8:18, 4:6].min()) == 1
    assert float(found[8:18, 19:21].min()) == 1
    assert float(found[:, 8:17].max()) == 0


def test_each_image_has_its_own_path_and_width() -> None:
    paths = torch.rand(4, 3, 2) * 20 + 4
    pen, widths = torch.tensor([True, True]), torch.tensor([1.0, 2.0, 3.0, 4.0])

    together = draw(paths, pen, widths)

    assert torch.equal(together, torch.cat([draw(paths[i : i + 1], pen, widths[i : i + 1]) for i in range(4)]))


@pytest.mark.parametrize("width", [2.0, 3.0, 4.0])
def test_the_width_of_upright_and_slanted_strokes_is_found(width: float) -> None:
    assert float(stroke_width(one(width))) == pytest.approx(width, rel=0.3)
    assert float(stroke_width(line((8.0, 5.0), (20.0, 23.0), width=width))) == pytest.approx(width, rel=0.3)


def test_a_one_keeps_its_stem_and_gets_a_flag_a_foot_or_both() -> None:
    ones = one().repeat(300, 1, 1, 1)

    found = add_flag_and_foot(ones)

    assert (found >= ones).all()
    added = found - ones
    flag, foot = added[..., :14, :12].sum((1, 2, 3)) > 1, added[..., 21:, 17:].sum((1, 2, 3)) > 1
    assert (flag | foot).all()
    shares = [float(kind.float().mean()) for kind in (flag & foot, flag & ~foot, foot & ~flag)]
    assert shares == pytest.approx([0.3, 0.5, 0.2], abs=0.1)
    assert float(added[..., 20, :].max()) == 0


def test_a_seven_is_crossed_in_its_stem() -> None:
    sevens = seven().repeat(100, 1, 1, 1)

    found = cross(sevens)

    added = found - sevens
    rows = added.sum((1, 3))  # (100, 28)
    assert (rows.sum(1) > 3).all()
    middle = (rows * torch.arange(28)).sum(1) / rows.sum(1)
    assert 10 < float(middle.min()) < float(middle.max()) < 19
    assert (added[..., 14:].sum((1, 2, 3)) > 0).all()
    assert (added[..., :18].sum((1, 2, 3)) > 0).all()


def test_only_a_share_of_four_digits_is_rewritten() -> None:
    labels = torch.arange(10).repeat(800)
    images = torch.rand(1, 1, 28, 28).repeat(8000, 1, 1, 1)
    before = images.clone()

    found = rewrite(images, labels)

    changed = (found != before).flatten(1).any(1)
    assert torch.equal(images, before)
    for digit in range(10):
        share = float(changed[labels == digit].float().mean())
        assert share == (pytest.approx(WAYS[digit][1], abs=0.04) if digit in WAYS else 0)


def test_no_image_to_rewrite_is_no_error() -> None:
    images = torch.rand(3, 1, 28, 28)

    assert torch.equal(rewrite(images, torch.tensor([0, 2, 3])), images)
    assert rewrite(images[:0], torch.zeros(0)).shape == (0, 1, 28, 28)


@pytest.mark.parametrize("digit", WAYS)
def test_what_is_drawn_is_ink_inside_the_image_as_wide_as_the_strokes_it_joins(digit: int, digits_whole: Split) -> None:
    images = torch.from_numpy(digits_whole.images[digits_whole.labels == digit]).float() / 255

    found = WAYS[digit][0](images)

    assert found.shape == images.shape
    assert (float(found.min()), float(found.max())) == pytest.approx((0, 1), abs=0.02)
    assert float(stroke_width(found).median()) == pytest.approx(float(stroke_width(images).median()), rel=0.25)
    assert (found[..., 0, :].amax() == 0) or digit == 1
    assert len({image.numpy().tobytes() for image in found}) == len(found)


def test_a_blank_image_stays_finite() -> None:
    for way, _ in WAYS.values():
        assert way(torch.zeros(2, 1, 28, 28)).isfinite().all()


def zero() -> Tensor:
    angles = torch.arange(33) * torch.pi / 16
    path = torch.stack([14 + 6 * angles.sin(), 14 - 9 * angles.cos()], 1)
    return draw(path[None], torch.ones(32, dtype=torch.bool), torch.tensor([2.0]))


def test_a_zero_keeps_its_ring_and_gets_a_hook_inside_a_tail_or_both() -> None:
    zeros = zero().repeat(300, 1, 1, 1)

    found = hook(zeros)

    assert (found >= zeros).all()
    added = found - zeros
    inside, outside = added[..., 6:18, 9:18].sum((1, 2, 3)) > 1, added[..., :10, 19:].sum((1, 2, 3)) > 1
    assert (inside | outside).float().mean() > 0.95
    shares = [float(kind.float().mean()) for kind in (inside & outside, inside & ~outside, outside & ~inside)]
    assert shares == pytest.approx([0.25, 0.5, 0.25], abs=0.1)
    assert float(added[..., 20:, :].max()) == 0


def test_a_looped_one_encloses_ground_and_is_as_wide_in_stroke() -> None:
    thin = one(1.0).repeat(100, 1, 1, 1)

    found = loop(thin)

    def ground_in_a_row(images: Tensor) -> Tensor:
        """Rows in which ink, ground and ink follow one another."""
        inked = images[:, 0] > 0.3
        return (inked.int().diff(dim=2) == 1).sum(2) > 1

    assert (ground_in_a_row(found).sum(1) > 1).float().mean() > 0.9
    assert not ground_in_a_row(thin).any()
    assert float(stroke_width(found).median()) == pytest.approx(float(stroke_width(thin).median()), rel=0.5)


def test_only_the_ways_that_are_asked_for_are_written() -> None:
    images, labels = torch.cat([zero().repeat(200, 1, 1, 1), seven().repeat(200, 1, 1, 1)]), torch.arange(2) * 7
    labels = labels.repeat_interleave(200)

    found = rewrite(images, labels, JOINED)

    changed = (found != images).flatten(1).any(1)
    assert 0 < int(changed[:200].sum()) < 60 and not changed[200:].any()
