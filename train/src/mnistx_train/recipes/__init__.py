"""The recipes: each in a file of its own that shows what it does and why."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from mnistx_runtime.input_spec import InputSpec
from mnistx_runtime.registry import look_up
from mnistx_train.datasets.base import TrainingData, format_shape
from mnistx_train.errors import TrainError
from mnistx_train.networks.network_file import NetworkFile

RECIPES = {
    "report": "mnistx_train.recipes.report:REPORT",
    "fast": "mnistx_train.recipes.fast:FAST",
    "best": "mnistx_train.recipes.best:BEST",
    "fonts": "mnistx_train.recipes.fonts:FONTS",
}

DEFAULT = "report"

MNIST = (1, 28, 28)

NO_CLASS = -1
"""The label of an image that shows none of the classes: all of them are wanted alike."""

Batches = Callable[[TrainingData, Tensor, int], Iterator[tuple[Tensor, Tensor]]]


def in_batches(data: TrainingData, order: Tensor, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """The training images as they are, float `(B, channels, height, width)`, 0..1, and labels `(B,)`, in order."""
    pixels, labels = torch.from_numpy(data.training.images), torch.from_numpy(data.training.labels)
    for indices in torch.split(order, batch_size):
        yield pixels[indices].float() / 255, labels[indices]


def normalize(images: Tensor, spec: InputSpec) -> Tensor:
    """Images `(B, channels, height, width)`, 0..1, less the mean of their channel and divided by its deviation."""
    mean, std = (torch.tensor(values).view(-1, 1, 1) for values in (spec.mean, spec.std))
    return (images - mean) / std


def constant(_done: float) -> float:
    """The whole learning rate, always."""
    return 1.0


@dataclass(frozen=True)
class Recipe:
    """All that decides what is learned, but the data and the seed.

    Args:
        name: as `--recipe` takes it.
        epochs: how often every training image is seen.
        batch_size: images a step.
        lr: the highest learning rate.
        batches: `(data, order, batch_size)` to augmented, normalized training images `(B, channels, height, width)` and
            their labels `(B,)`, in the given order of indices; draws from torch's global generator.
        optimizer: `(network, lr)` to an optimizer.
        schedule: from the share of all steps that are done, 0..1, to the share of `lr` that the next one takes.
        network: a name of `NETWORKS`, or the file of a user's own.
        batch_norm: normalize over the batch while training (Ioffe and Szegedy 2015), then `fold_batch_norm`.
        dropout: share of the hidden fully connected layer's outputs that are zeroed while training.
        share: of the training images that an epoch sees, other ones each time.
        label_smoothing: share of the target that all classes get alike (Szegedy and others 2016).
        average: the weights that answer are a moving average, of which each step keeps this share; 0: the last ones.
        fast_arithmetic: channels last, and bfloat16 where the processor computes with it: quicker, rounded otherwise.
        teacher: who is trained first, to be learned from.
        made_for: the shape of the images that it trains a network of `NETWORKS` on; None: any images, any network.
        start: the checkpoint whose weights are the first ones, from the folder that it is called in; None: drawn ones.
        learned: share of the way from `start` to what was learned at which the weights that answer lie: the less, the
            more is kept of what the start knew (Wortsman and others 2022, arXiv:2109.01903).
        outliers: `batches` gives images of `NO_CLASS`, too, and more than it was asked for.
        require: raises a TrainError where something that it needs, other than the data set, isn't at hand.
    """

    name: str
    epochs: int
    batch_size: int
    lr: float
    batches: Batches
    optimizer: Callable[[nn.Module, float], torch.optim.Optimizer]
    schedule: Callable[[float], float] = constant
    network: str | NetworkFile = "report"
    batch_norm: bool = False
    dropout: float = 0.0
    share: float = 1.0
    label_smoothing: float = 0.0
    average: float = 0.0
    fast_arithmetic: bool = False
    teacher: "Teacher | None" = None
    made_for: tuple[int, int, int] | None = None
    start: Path | None = None
    learned: float = 1.0
    outliers: bool = False
    require: Callable[[], None] | None = None

    def check(self, shape: tuple[int, int, int]) -> None:
        """Whether it is made for such images, and for its network, and has what it needs.

        Raises:
            TrainError: it isn't.
        """
        if self.require is not None:
            self.require()
        if self.made_for is None:
            return
        if shape != self.made_for:
            raise TrainError(
                f"recipe {self.name} is made for images of {format_shape(self.made_for)}, not of "
                f"{format_shape(shape)}; train with --recipe {DEFAULT}"
            )
        if isinstance(self.network, NetworkFile):
            raise TrainError(
                f"recipe {self.name} is made for mnistx's own networks, not for {self.network.name}; train with "
                f"--recipe {DEFAULT}"
            )

    def images_per_epoch(self, images: int) -> int:
        """How many of so many training images an epoch sees, at least one."""
        return max(1, round(images * self.share))

    def steps(self, images: int) -> int:
        """How many steps an epoch takes where there are so many training images."""
        return -(-self.images_per_epoch(images) // self.batch_size)


@dataclass(frozen=True)
class Teacher:
    """A network that is trained first, and whose answers are learned from beside the labels (Hinton and others 2015).

    Args:
        recipe: how it is trained; None: it is the network that the run starts from, and followed where it is right.
        temperature: what both networks' log-probabilities are divided by, above 1, so that what the teacher holds for
            unlikely counts.
        weight: of its answers in the loss, 0..1; the labels have the rest.
    """

    recipe: Recipe | None
    temperature: float
    weight: float


def recipe(name: str) -> Recipe:
    """The recipe of that name.

    Raises:
        BadInput: there's none; the text gives the nearest one.
    """
    found: Recipe = look_up(RECIPES, name, "recipe")
    return found
