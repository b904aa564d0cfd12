"""Ways of writing digits that MNIST hardly has, drawn into a batch: a 1 with flag and foot, a crossed 7, a closed 4, a
9 with a straight back; and, as quick hands join them in amounts, a 1 with a loop, and a 0 with a hook or a tail.

Images are float `(N, 1, 28, 28)`, 0..1. A path is `(N, P, 2)`, x and y in pixels from the upper left corner, and a pen
says for each of its P - 1 lines whether it's drawn.
"""

from collections.abc import Callable
from math import cos, pi, sin

import torch
from torch import Tensor

from mnistx_train.augmentation.transforms import SIDE, between

Point = tuple[float, float]

_BOX = 20  # pixels of MNIST's frame for the digit


def draw(path: Tensor, pen: Tensor, width: Tensor) -> Tensor:
    """Antialiased lines with round ends.

    Args:
        path: `(N, P, 2)`.
        pen: bool `(P - 1,)` or `(N, P - 1)`, which lines are drawn.
        width: `(N,)`, of the lines, in pixels.

    Returns:
        `(N, 1, 28, 28)`.

    >>> path = torch.tensor([[[4.0, 14.0], [24.0, 14.0]]])
    >>> draw(path, torch.tensor([True]), torch.tensor([2.0]))[0, 0, 11:17, 14].tolist()
    [0.0, 0.0, 1.0, 1.0, 0.0, 0.0]
    """
    middles = torch.arange(SIDE) + 0.5
    pixels = torch.stack(torch.meshgrid(middles, middles, indexing="xy"), -1).view(1, 1, -1, 2)
    start, line = path[:, :-1, None], (path[:, 1:] - path[:, :-1])[:, :, None]
    along = ((pixels - start) * line).sum(-1) / line.square().sum(-1).clamp(min=1e-6)
    gap = torch.linalg.vector_norm(pixels - start - along.clamp(0, 1)[..., None] * line, dim=-1)  # (N, P - 1, 784)
    nearest = gap.masked_fill(~pen.expand(gap.shape[:2])[..., None], SIDE).amin(1)
    ink: Tensor = (width[:, None] / 2 - nearest + 0.5).clamp(0, 1)
    return ink.view(-1, 1, SIDE, SIDE)


def stroke_width(images: Tensor) -> Tensor:
    """How wide the strokes are, in pixels, `(N,)`: area over half the outline, whose slanted parts count 1.27 times.

    By the same formula as `mnistx_runtime.preprocess.mnist_image.stroke_width`, but of grey levels, a batch at a time.
    """
    down = images.diff(dim=2, prepend=images[:, :, :1] * 0, append=images[:, :, :1] * 0)
    across = images.diff(dim=3, prepend=images[..., :1] * 0, append=images[..., :1] * 0)
    outline = down.abs().sum((1, 2, 3)) + across.abs().sum((1, 2, 3))
    return 2.5 * images.sum((1, 2, 3)) / outline.clamp(min=1)


def _ends(images: Tensor) -> tuple[Tensor, Tensor]:
    """The middle of the ink in its highest and in its lowest row, each `(N, 2)`."""
    inked = (images[:, 0] > 0.5).float()
    rows = inked.amax(2)  # (N, 28)
    top, bottom = rows.argmax(1), SIDE - 1 - rows.flip(1).argmax(1)
    return _in_row(inked, top), _in_row(inked, bottom)


def _in_row(inked: Tensor, row: Tensor) -> Tensor:
    ink = inked[torch.arange(len(inked)), row]
    x = (ink * (torch.arange(SIDE) + 0.5)).sum(1) / ink.sum(1).clamp(min=1)
    return torch.stack([x, row + 0.5], 1)


def _offset(x: tuple[float, float], y: tuple[float, float], count: int) -> Tensor:
    return torch.stack([between(*x, count), between(*y, count)], 1)


def add_flag_and_foot(ones: Tensor) -> Tensor:
    """Each 1 with a flag, a foot, or both. A flag is steep: with a flat one, a 7 is meant."""
    count, (top, bottom) = len(ones), _ends(ones)
    slope, length = between(pi / 6, pi / 2.5, count), between(3, 14, count)
    tip = top + torch.stack([-slope.cos() * length, slope.sin() * length], 1)
    left, right = bottom + _offset((-6, -2), (-0.7, 0.7), count), bottom + _offset((2, 6), (-0.7, 0.7), count)
    kind = torch.rand(count)
    pen = torch.stack([kind < 0.8, torch.zeros(count, dtype=torch.bool), kind > 0.5], 1)
    return torch.maximum(ones, draw(torch.stack([tip, top, left, right], 1), pen, stroke_width(ones)))


def cross(sevens: Tensor) -> Tensor:
    """Each 7 with a line through its stem."""
    count, (top, bottom) = len(sevens), _ends(sevens)
    height = bottom[:, 1] - top[:, 1]
    row = (top[:, 1] + between(0.4, 0.65, count) * height).long()
    stem = _in_row((sevens[:, 0] > 0.5).float(), row)
    half = _offset((2, 5), (-1.5, 0.5), count)
    path = torch.stack([stem - half, stem + half], 1)
    return torch.maximum(sevens, draw(path, torch.tensor([True]), stroke_width(sevens)))


def _loop(x: float, y: float, rx: float, ry: float) -> list[Point]:
    """A closed curve that starts and ends at its right."""
    return [(x + rx * cos(a), y - ry * sin(a)) for a in (2 * pi * i / 12 for i in range(13))]


_CLOSED_4 = [(0.68, 1.0), (0.68, 0.0), (0.05, 0.66), (1.0, 0.66)]
_STRAIGHT_9 = [*_loop(0.46, 0.27, 0.42, 0.27), (0.9, 0.05), (0.9, 1.0)]


def _redraw(images: Tensor, path: list[Point], pen_up: int | None = None) -> Tensor:
    """Other digits in place of the images, from a path in a unit box, as wide in stroke as what they replace."""
    count = len(images)
    points = torch.tensor(path) + torch.randn(count, len(path), 2) * 0.025
    points = (points - 0.5) * _offset((0.45 * _BOX, 0.9 * _BOX), (0.8 * _BOX, 1.0 * _BOX), count)[:, None]
    pen = torch.tensor([line != pen_up for line in range(len(path) - 1)])
    return draw(points + SIDE / 2, pen, stroke_width(images))


def close(fours: Tensor) -> Tensor:
    """A 4 whose diagonal starts where its stem does, in place of each."""
    return _redraw(fours, _CLOSED_4)


def straighten(nines: Tensor) -> Tensor:
    """A 9 with a round head and a straight stem, in place of each."""
    return _redraw(nines, _STRAIGHT_9, pen_up=12)


_LOOPED_1 = [(0.0, 0.8), (0.4, 0.6), (0.85, 0.22), (0.75, 0.0), (0.5, 0.03), (0.38, 0.35), (0.38, 0.85), (0.55, 1.0)]


def loop(ones: Tensor) -> Tensor:
    """A 1 that begins with a stroke upwards and turns in a loop, in place of each."""
    count = len(ones)
    narrow = (torch.tensor(_LOOPED_1) - 0.5) * _offset((0.55 * _BOX, 0.95 * _BOX), (0.85 * _BOX, _BOX), count)[:, None]
    slanted = torch.stack([narrow[..., 0] - narrow[..., 1] * between(0, 0.5, count, 1), narrow[..., 1]], 2)
    moved = slanted + torch.randn(slanted.shape) * 0.4
    pen = torch.ones(count, len(_LOOPED_1) - 1, dtype=torch.bool)
    pen[:, -1] = torch.rand(count) < 0.6
    return draw(moved + SIDE / 2, pen, stroke_width(ones))


def hook(zeros: Tensor) -> Tensor:
    """Each 0 with a hook into it or a tail to its right, where it was begun or ended, or both."""
    count, (top, _) = len(zeros), _ends(zeros)
    inner = top + _offset((-4, 0), (3, 6), count)
    curl = inner + _offset((0, 4), (-1, 4), count)
    tail, end = top + _offset((3, 6), (0, 3), count), top + _offset((7, 11), (-2, 3), count)
    kind = torch.rand(count)
    inside, outside = kind < 0.75, kind > 0.5
    pen = torch.stack([inside & (torch.rand(count) < 0.6), inside, outside, outside], 1)
    return torch.maximum(zeros, draw(torch.stack([curl, inner, top, tail, end], 1), pen, 0.9 * stroke_width(zeros)))


Ways = dict[int, tuple[Callable[[Tensor], Tensor], float]]

WAYS: Ways = {1: (add_flag_and_foot, 0.25), 4: (close, 0.05), 7: (cross, 0.1), 9: (straighten, 0.05)}
"""What's drawn, and into what share of a digit's images: the more, the more such writing is misread without it."""

JOINED: Ways = {0: (hook, 0.15), 1: (loop, 0.08)}
"""Likewise, of quick hands."""


def rewrite(images: Tensor, labels: Tensor, ways: Ways = WAYS) -> Tensor:
    """The images with some of the digits written otherwise.

    Args:
        images: `(N, 1, 28, 28)` of the ten digits.
        labels: `(N,)`.
        ways: for each digit how it is written, and what share of it.
    """
    images = images.clone()
    chance = torch.rand(len(images))
    for digit, (way, share) in ways.items():
        at = ((labels == digit) & (chance < share)).nonzero()[:, 0]
        if len(at):
            images[at] = way(images[at])
    return images
