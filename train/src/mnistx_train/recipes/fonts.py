"""Teaches `best`'s network other hands and print, and what is no digit, and leaves it what it can.

It starts from a checkpoint of `best`, and its data are MNIST, redrawn as `best` does, the digits of open typefaces,
handwriting and print, and characters and ink that are no digit. For these all classes are wanted alike (outlier
exposure: Hendrycks and others 2019, arXiv:1812.04606), so that the largest probability says whether a picture shows a
digit. What `best` knows it keeps by learning from its own answers where they are right (Hinton and others 2015; Li and
Hoiem 2016, "Learning without forgetting"), and by going only a part of the way: see `Recipe.learned`.

Letters and symbols that no one tells from a digit once they fill the box, such as l, O and S, are left out: they would
teach that a plain 1, 0 or 5 is none.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from string import ascii_letters

import torch
from torch import Tensor

from mnistx_train.augmentation.outliers import (
    add_neighbours,
    blots,
    boxes,
    halves,
    scribbles,
    side_by_side,
    straddling,
)
from mnistx_train.augmentation.pen import JOINED, rewrite
from mnistx_train.augmentation.transforms import corrupt
from mnistx_train.datasets.base import DIGITS, Split, TrainingData
from mnistx_train.datasets.fonts import characters, require_fonts
from mnistx_train.recipes import MNIST, NO_CLASS, Recipe, Teacher, in_batches, normalize
from mnistx_train.recipes.best import optimizer, write_anew
from mnistx_train.recipes.schedules import one_cycle

LOOK_LIKE_DIGITS = "OoIlZzSsbgq/\\|()[]!"
SYMBOLS = '?#$%&@*+=<>{}~^";:€£§-'
NO_DIGITS = "".join(c for c in ascii_letters + SYMBOLS if c not in LOOK_LIKE_DIGITS)

START = Path("artifacts/best.safetensors")
"""`mnistx train --recipe best --seed 0`."""

_NEIGHBOURS = 0.15  # share of the digits beside which another one is seen in part


def batches(data: TrainingData, order: Tensor, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """After the images of MNIST in the order, half as many of other hands, and more of what is no digit."""
    drawn = _digits()
    for images, labels in in_batches(data, order, batch_size):
        count = len(labels)
        extra = -(-count // 2)
        hands = torch.randint(len(drawn), (extra,))
        written = rewrite(rewrite(images, labels), labels, JOINED)
        seen = torch.cat([written, _pixels(drawn, hands)])
        others = images[torch.randint(count, (len(seen),))]
        digits = add_neighbours(write_anew(seen), others, _NEIGHBOURS)
        outliers = _outliers(images, images[labels != 1], extra + extra // 4)
        wanted = torch.cat([labels, torch.from_numpy(drawn.labels)[hands], torch.full((len(outliers),), NO_CLASS)])
        yield normalize(torch.cat([corrupt(digits), outliers]), data.spec), wanted


def _outliers(images: Tensor, wide: Tensor, count: int) -> Tensor:
    """Ink that is no digit: characters, digits that touch, pieces of wide ones, and what is drawn at random."""
    few = count // 16

    def some(digits: Tensor, count: int) -> Tensor:
        return digits[torch.randint(len(digits), (count,))]

    glyphs = _no_digits()
    written = [
        _pixels(glyphs, torch.randint(len(glyphs), (count - 10 * few,))),
        side_by_side(some(images, 3 * few), some(images, 3 * few)),
        straddling(some(wide, 3 * few), some(wide, 3 * few)),
        halves(some(wide, few)),
    ]
    return torch.cat([corrupt(write_anew(torch.cat(written))), scribbles(few), blots(few), boxes(few)])


def _pixels(split: Split, indices: Tensor) -> Tensor:
    return torch.from_numpy(split.images)[indices].float() / 255


@cache
def _digits() -> Split:
    return characters("train", "".join(DIGITS))


@cache
def _no_digits() -> Split:
    return characters("train", NO_DIGITS)


FONTS = Recipe(
    name="fonts",
    epochs=8,
    batch_size=128,
    lr=0.0007,
    batches=batches,
    optimizer=optimizer,
    schedule=one_cycle,
    average=0.999,
    fast_arithmetic=True,
    made_for=MNIST,
    teacher=Teacher(None, temperature=2, weight=0.7),
    start=START,
    learned=0.7,
    outliers=True,
    require=lambda: require_fonts("train"),
)
