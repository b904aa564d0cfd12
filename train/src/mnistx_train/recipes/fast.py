"""As accurate as the report after a third of the images, each seen once: in seconds instead of minutes.

No augmentation, as nothing is seen twice. Muon learns from a third of the images what Adam learns from all of them, and
with smoothed labels (Szegedy and others 2016) one image misread in five fewer is left: the few steps aren't spent on
being sure. The learning rate is warmed up over a tenth of the steps and then brought down along a line to nothing.
Batches stay small: with 128 images there are too few steps to learn in.
"""

from collections.abc import Iterator

from torch import Tensor

from mnistx_train.datasets.base import TrainingData
from mnistx_train.optimizers.muon import Muon
from mnistx_train.recipes import MNIST, Recipe, in_batches, normalize
from mnistx_train.recipes.schedules import up_and_down


def batches(data: TrainingData, order: Tensor, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """The images as they are."""
    for images, labels in in_batches(data, order, batch_size):
        yield normalize(images, data.spec), labels


FAST = Recipe(
    name="fast",
    epochs=1,
    batch_size=64,
    lr=0.008,
    batches=batches,
    optimizer=Muon,
    schedule=up_and_down,
    share=1 / 3,
    label_smoothing=0.1,
    fast_arithmetic=True,
    made_for=MNIST,
)
