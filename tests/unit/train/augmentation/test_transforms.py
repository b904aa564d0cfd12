from math import cos, radians, sin

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.stats import ks_2samp
from torch import Tensor
from torchvision import transforms
from torchvision.transforms import functional

from mnistx_train.augmentation.transforms import (
    Ranges,
    affine,
    between,
    corrupt,
    dilate_or_erode,
    elastic,
    report_affine,
    resample,
    wide_affine,
)

ZERO, ONE = torch.zeros(1), torch.ones(1)
SAME = affine(ZERO, (ONE, ONE), ZERO, (ZERO, ZERO))


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def blob() -> Tensor:
    """A smooth picture without symmetry, `(1, 1, 28, 28)`."""
    y, x = torch.meshgrid(torch.arange(28.0), torch.arange(28.0), indexing="ij")
    spots = [(10, 9, 3.0, 1.0), (17, 18, 2.5, 0.6), (18, 10, 2.5, 0.3)]
    found = sum((h * torch.exp(-((y - a) ** 2 + (x - b) ** 2) / (2 * s * s)) for a, b, s, h in spots), torch.zeros(1))
    return found[None, None]


def square() -> Tensor:
    """6x6 bright pixels in the middle."""
    image = torch.zeros(1, 1, 28, 28)
    image[..., 11:17, 11:17] = 1
    return image


def torchvisions(count: int) -> NDArray[np.float64]:
    """Affines of the report's three steps with the numbers that torchvision draws, `(count, 6)`, units of a half side.

    Made by multiplying three matrices in pixels, from the new image back to the old one.
    """
    image = torch.zeros(1, 28, 28)
    found = []
    for _ in range(count):
        turn = radians(transforms.RandomRotation.get_params([-10.0, 10.0]))
        top, left, height, width = transforms.RandomResizedCrop.get_params(image, [0.7, 1.0], [0.9, 1.1])
        _, (right, down), _, _ = transforms.RandomAffine.get_params((0.0, 0.0), (0.1, 0.1), None, None, [28, 28])
        rotation = np.array([[cos(turn), -sin(turn), 0], [sin(turn), cos(turn), 0], [0, 0, 1]])
        middle = np.array([[1, 0, -14], [0, 1, -14], [0, 0, 1]])
        crop = np.array([[width / 28, 0, left], [0, height / 28, top], [0, 0, 1]])
        shift = np.array([[1, 0, -right], [0, 1, -down], [0, 0, 1]])
        whole = rotation @ middle @ crop @ shift @ np.linalg.inv(middle)
        whole[:2, 2] /= 14
        found.append(whole[:2].ravel())
    return np.array(found)


def test_report_affine_is_drawn_as_torchvision_draws_the_three_steps() -> None:
    ours, theirs = report_affine(20_000).double().view(-1, 6).numpy(), torchvisions(5_000)

    random = np.random.default_rng(0)
    directions = np.concatenate([np.eye(6), random.normal(size=(24, 6))]) / theirs.std(0)
    for direction in directions:
        assert ks_2samp(ours @ direction, theirs @ direction).pvalue > 1e-3 / len(directions), direction


def test_report_affine_crops_and_shifts_by_whole_pixels() -> None:
    found = report_affine(500).double()
    turn = torch.atan2(found[:, 1, 0], found[:, 0, 0])
    back = torch.stack([turn.cos(), turn.sin(), -turn.sin(), turn.cos()], 1).view(-1, 2, 2)
    part = back @ found
    shifts = torch.arange(-3, 4, dtype=torch.float64)

    for axis in (0, 1):
        size = part[:, axis, axis] * 28
        corners = part[:, axis, 2, None] * 14 + 14 - size[:, None] / 2 + shifts * size[:, None] / 28
        whole = (corners - corners.round()).abs() < 1e-4
        inside = (corners > -0.5) & (corners < 28.5 - size[:, None])
        assert torch.allclose(size, size.round(), atol=1e-4)
        assert (whole & inside).any(1).all()


def test_the_comparison_would_notice_a_tenth_less_of_anything() -> None:
    theirs = torchvisions(5_000)
    turned, others = report_affine(20_000).view(-1, 6).numpy().copy(), theirs.std(0)

    turned[:, [1, 3]] *= 0.9

    assert ks_2samp(turned[:, 1] / others[1], theirs[:, 1] / others[1]).pvalue < 1e-3 / 30


@pytest.mark.parametrize(("degrees", "blurred"), [(0.0, 1e-5), (-10.0, 0.05), (10.0, 0.05)])
def test_affine_turns_crops_and_shifts_to_where_torchvision_does(degrees: float, blurred: float) -> None:
    top, left, height, width, right, down = 2, 1, 24, 26, 2, -1
    turned = functional.rotate(blob(), degrees, functional.InterpolationMode.BILINEAR)
    cropped = functional.resized_crop(turned, top, left, height, width, [28, 28])
    theirs = functional.affine(cropped, 0, [right, down], 1, [0.0])

    x, y = left + width / 2 - 14 - right * width / 28, top + height / 2 - 14 - down * height / 28
    one = affine(ONE * radians(degrees), (ONE * width / 28, ONE * height / 28), ZERO, (ONE * x, ONE * y))
    ours = resample(blob(), one)

    assert float((ours - theirs)[..., 3:-3, 3:-3].abs().max()) < blurred
    assert float((ours - blob()).abs().max()) > 0.3


def test_resampling_with_nothing_to_do_changes_nothing() -> None:
    image = torch.rand(1, 1, 28, 28)

    assert torch.allclose(resample(image, SAME), image, atol=1e-5)


def test_every_image_goes_through_its_own_affine_and_none_through_anothers() -> None:
    images, affines = torch.rand(5, 1, 28, 28), wide_affine(5, Ranges(10, 1.2, 1.2, 0.2, 2))

    together = resample(images, affines, bent := elastic(5, 6, 1.0))

    for i in range(5):
        alone = resample(images[i : i + 1], affines[i : i + 1], bent[i : i + 1])
        assert torch.allclose(together[i : i + 1], alone, atol=1e-6)
    assert len({tuple(row) for row in affines.view(5, 6).tolist()}) == 5


def test_black_comes_in_from_outside() -> None:
    moved = resample(torch.ones(1, 1, 28, 28), affine(ZERO, (ONE, ONE), ZERO, (ONE * 5, ZERO)))

    assert moved[0, 0, 14].tolist() == pytest.approx([1.0] * 23 + [0.0] * 5, abs=1e-5)


def test_wide_affine_goes_either_way_within_its_bounds_and_never_mirrors() -> None:
    found = wide_affine(20_000, Ranges(degrees=10, zoom=1.2, stretch=1.1, slant=0.2, shift=2))
    linear = found[:, :, :2].double()

    area = torch.linalg.det(linear)
    assert 1.2**-2 - 1e-4 < float(area.min()) < 0.71
    assert 1.42 < float(area.max()) < 1.2**2 + 1e-4
    assert float(area.log().mean()) == pytest.approx(0, abs=0.01)
    angle = torch.atan2(linear[:, 1, 0], linear[:, 0, 0])
    assert float(angle.abs().max()) == pytest.approx(radians(10), abs=0.01)
    assert float(angle.mean()) == pytest.approx(0, abs=0.005)
    assert float(found[:, :, 2].abs().max()) == pytest.approx(2 / 14 * 2**0.5, rel=0.25)


def test_wide_affine_slants_and_stretches() -> None:
    slanted = wide_affine(1000, Ranges(degrees=0, zoom=1, stretch=1, slant=0.3, shift=0))
    stretched = wide_affine(1000, Ranges(degrees=0, zoom=1, stretch=1.3, slant=0, shift=0))

    assert torch.allclose(slanted[:, [0, 1], [0, 1]], torch.ones(1000, 2))
    assert float(slanted[:, 0, 1].abs().max()) == pytest.approx(0.3, abs=0.01)
    ratio = stretched[:, 0, 0] / stretched[:, 1, 1]
    assert (float(ratio.min()), float(ratio.max())) == pytest.approx((1 / 1.3, 1.3), abs=0.01)


def test_elastic_displacement_is_smooth_and_as_strong_as_asked() -> None:
    found = elastic(500, knots=7, pixels=1.5) * 14

    assert found.shape == (500, 28, 28, 2)
    assert float(found.mean()) == pytest.approx(0, abs=0.05)
    assert 0.8 < float(found.std()) < 1.5
    assert float(found.diff(dim=1).std()) < float(found.std()) / 2
    correlation = np.corrcoef(found[..., 0].flatten().numpy(), found[..., 1].flatten().numpy())[0, 1]
    assert abs(correlation) < 0.05


def test_strokes_grow_and_shrink_by_a_pixel_on_either_side() -> None:
    images = square().repeat(5, 1, 1, 1)

    found = dilate_or_erode(images, torch.tensor([1.0, -1.0, 0.0, 0.5, -0.25]))

    assert [float(image.sum()) for image in found] == pytest.approx([64, 16, 36, 36 + 14, 36 - 5])
    assert torch.equal(found[2], images[2])
    assert float(found.min()) >= 0
    assert float(found.max()) <= 1


def test_strokes_change_up_to_the_border() -> None:
    full, empty = torch.ones(2, 1, 28, 28), torch.zeros(2, 1, 28, 28)
    amounts = torch.tensor([1.0, -1.0])

    assert torch.equal(dilate_or_erode(full, amounts), full)
    assert torch.equal(dilate_or_erode(empty, amounts), empty)


def test_a_quarter_of_the_images_is_corrupted_in_three_ways() -> None:
    torch.manual_seed(0)
    images = square().repeat(4000, 1, 1, 1)

    found = corrupt(images)

    corner = found[:, 0, :5, :5].flatten(1)  # black, unless corrupted
    changed = (found != images).flatten(1).any(1)
    lit = (corner == corner[:, :1]).all(1) & (corner[:, 0] > 0)
    specked = changed & (((found == 0) | (found == 1)).flatten(1).all(1))
    grainy = changed & ~lit & ~specked
    shares = [float(kind.float().mean()) for kind in (lit, specked, grainy)]
    assert shares == pytest.approx([0.1, 0.05, 0.1], abs=0.02)
    assert float(found.min()) >= 0 and float(found.max()) <= 1
    assert torch.equal(found[~changed], images[~changed])


def test_between_stays_between() -> None:
    found = between(-2, 3, 10_000)

    assert (float(found.min()), float(found.max())) == pytest.approx((-2, 3), abs=0.01)
