"""Augmentation of a whole batch at once: one affine an image and one resampling, as each further one blurs.

Images are float `(N, 1, 28, 28)`, 0..1, bright ink on black. Chance comes from torch's global generator. Nothing is
ever mirrored: that would turn one digit into another, or into none.
"""

from dataclasses import dataclass
from math import log, radians

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample, interpolate, pad

SIDE = 28


def between(low: float, high: float, *shape: int) -> Tensor:
    """Uniform numbers of that shape."""
    return torch.empty(shape).uniform_(low, high)


def affine(angle: Tensor, size: tuple[Tensor, Tensor], slant: Tensor, middle: tuple[Tensor, Tensor]) -> Tensor:
    """Where each pixel of a new image is taken from in the old one.

    Args:
        angle: by which the digit turns to the left, in radians, `(N,)` as all of them.
        size: width and height of the part that fills the new image, as shares of the old one's; below 1 the digit
            grows.
        slant: pixels to the right, each pixel further down, that the part leans.
        middle: of the part, x and y, in pixels right of and below the old image's middle, before turning.

    Returns:
        `(N, 2, 3)`, as `affine_grid` takes it: from new to old coordinates, -1..1 from edge to edge.

    >>> zero, one = torch.zeros(1), torch.ones(1)
    >>> affine(zero, (one, one), zero, (7 * one, zero))[0].tolist()
    [[1.0, 0.0, 0.5], [0.0, 1.0, 0.0]]
    """
    (width, height), (x, y) = size, middle
    cos, sin = angle.cos(), angle.sin()
    turn = torch.stack([cos, -sin, sin, cos], 1).view(-1, 2, 2)
    part = torch.stack([width, slant, x / (SIDE / 2), torch.zeros_like(x), height, y / (SIDE / 2)], 1).view(-1, 2, 3)
    return turn @ part


def report_affine(count: int) -> Tensor:
    """The report's three steps in one: RandomRotation(10), RandomResizedCrop(28, (0.7, 1), (0.9, 1.1)), a shift by 0.1.

    As torchvision draws them: the crop in whole pixels, and again if it doesn't fit; the shift rounded to whole pixels.

    Returns:
        `(count, 2, 3)`, see `affine`.
    """
    tries = 10  # torchvision's
    area = between(0.7, 1.0, count, tries) * SIDE**2
    ratio = between(log(0.9), log(1.1), count, tries).exp()
    sizes = torch.stack([area * ratio, area / ratio]).sqrt().round()  # (2, count, tries): width, height
    first = (sizes <= SIDE).all(0).int().argmax(1)
    size = sizes[:, torch.arange(count), first].clamp(max=SIDE)
    corner = (torch.rand(2, count) * (SIDE - size + 1)).floor()
    shift = between(-0.1 * SIDE, 0.1 * SIDE, 2, count).round()
    width, height = size / SIDE
    x, y = corner + size / 2 - SIDE / 2 - shift * size / SIDE
    return affine(between(-radians(10), radians(10), count), (width, height), torch.zeros(count), (x, y))


@dataclass(frozen=True)
class Ranges:
    """How far `wide_affine` goes, either way.

    Args:
        degrees: turned by up to.
        zoom: larger or smaller by up to this factor.
        stretch: width by height changes by up to this factor.
        slant: pixels sideways, each pixel down, of up to.
        shift: in pixels, of up to, along both axes.
    """

    degrees: float
    zoom: float
    stretch: float
    slant: float
    shift: float


def wide_affine(count: int, ranges: Ranges) -> Tensor:
    """Turned, larger or smaller, wider or higher, slanted and shifted: either way as likely.

    Args:
        count: of images.
        ranges: how far.

    Returns:
        `(count, 2, 3)`, see `affine`.
    """
    size = between(-log(ranges.zoom), log(ranges.zoom), count).exp()
    aspect = between(-log(ranges.stretch) / 2, log(ranges.stretch) / 2, count).exp()
    angle = between(-radians(ranges.degrees), radians(ranges.degrees), count)
    lean = between(-ranges.slant, ranges.slant, count)
    x, y = between(-ranges.shift, ranges.shift, 2, count)
    return affine(angle, (size * aspect, size / aspect), lean, (x, y))


def elastic(count: int, knots: int, pixels: float) -> Tensor:
    """Smooth displacement of every pixel, as a hand is never twice the same (Simard and others 2003).

    Args:
        count: of images.
        knots: a side; chance is drawn there, and bicubic between them.
        pixels: standard deviation at the knots.

    Returns:
        `(count, 28, 28, 2)`: x and y, in `affine_grid`'s units.
    """
    noise = torch.randn(count, 2, knots, knots) * (pixels / (SIDE / 2))
    curve = interpolate(torch.eye(knots)[None, None], (SIDE, knots), mode="bicubic")[0, 0]
    return (curve @ noise @ curve.T).permute(0, 2, 3, 1)


def resample(images: Tensor, affines: Tensor, displacement: Tensor | float = 0.0) -> Tensor:
    """The images seen through their affines, bilinear; black comes in from outside."""
    grid = affine_grid(affines, list(images.shape), align_corners=False) + displacement
    return grid_sample(images, grid, align_corners=False)


def dilate_or_erode(images: Tensor, amounts: Tensor) -> Tensor:
    """Thicker or thinner strokes: part of the way to the brightest or darkest of a pixel and its eight neighbours.

    Args:
        images: `(N, 1, 28, 28)`.
        amounts: `(N,)`, how far: 1 widens strokes by two pixels, -1 narrows them by two, 0 leaves them.
    """
    sign = amounts.sign().view(-1, 1, 1, 1)
    widest = pad(images * sign, (1, 1, 1, 1), value=-1)
    for side in (2, 3):
        first, second, third = (widest.narrow(side, at, SIDE) for at in range(3))
        widest = first.maximum(second).maximum(third)
    return images.lerp(widest * sign, amounts.abs().view(-1, 1, 1, 1))


def corrupt(images: Tensor) -> Tensor:
    """A tenth of the images grainy, a tenth fainter on lit ground, a twentieth specked; the others as they are.

    A network that only ever saw clean black takes grain for ink: trained without these, it misread one image in four
    with the shot noise of `benchmarks/corruptions.py`.

    Args:
        images: `(N, 1, 28, 28)`, 0..1.
    """
    count = len(images)

    def each(low: float, high: float) -> Tensor:
        return between(low, high, count, 1, 1, 1)

    grainy = images + torch.randn_like(images) * each(0, 0.3)
    level = each(0, 0.5)
    lit = level + images * (1 - level) * each(0.4, 1)
    chance, density = torch.rand_like(images), each(0, 0.1)
    specked = images.masked_fill(chance < density, 1).masked_fill(chance > 1 - density, 0)
    kind = torch.rand(count, 1, 1, 1)
    mixed = torch.where(kind < 0.1, grainy, images)
    mixed = torch.where((kind >= 0.1) & (kind < 0.2), lit, mixed)
    return torch.where((kind >= 0.2) & (kind < 0.25), specked, mixed).clamp(0, 1)
