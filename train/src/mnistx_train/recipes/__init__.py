"""The recipes: each in a file of its own that shows what it does and why."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module

import torch
from torch import Tensor, nn

from mnistx_train.datasets import Split
from mnistx_train.errors import TrainError

RECIPES = {"report": "mnistx_train.recipes.report:REPORT"}

DEFAULT = "report"

Batches = Callable[[Split, Tensor, int, float, float], Iterator[tuple[Tensor, Tensor]]]


@dataclass(frozen=True)
class Recipe:
    """All that decides what is learned, but the data and the seed.

    Args:
        name: as `--recipe` takes it.
        epochs: how often every training image is seen.
        batch_size: images a step.
        lr: the learning rate.
        batches: `(split, order, batch_size, mean, std)` to augmented, normalized images `(B, 1, 28, 28)` and labels
            `(B,)`, in the given order of indices; draws from torch's global generator.
        optimizer: `(network, lr)` to an optimizer.
    """

    name: str
    epochs: int
    batch_size: int
    lr: float
    batches: Batches
    optimizer: Callable[[nn.Module, float], torch.optim.Optimizer]


def recipe(name: str) -> Recipe:
    """The recipe of that name.

    Raises:
        TrainError: there's none.
    """
    if name not in RECIPES:
        raise TrainError(f"no recipe {name!r}; known: {', '.join(RECIPES)}")
    module, _, attribute = RECIPES[name].partition(":")
    found: Recipe = getattr(import_module(module), attribute)
    return found
