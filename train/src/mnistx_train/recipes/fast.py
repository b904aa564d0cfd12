"""As accurate as the report after one pass over the images, in seconds instead of minutes.

No augmentation, as nothing is seen twice. A learning rate four times the report's, warmed up over a tenth of the steps
and then brought down along a line to nothing, does in one epoch what the report's constant rate does in ten. Batches
stay small: with 128 images there are too few steps to learn in.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from mnistx_train.datasets import TrainingData
from mnistx_train.recipes import Recipe, in_batches
from mnistx_train.recipes.schedules import up_and_down


def batches(data: TrainingData, order: Tensor, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """The images as they are."""
    for images, labels in in_batches(data, order, batch_size):
        yield (images - data.mean) / data.std, labels


def optimizer(network: nn.Module, lr: float) -> torch.optim.Optimizer:
    """Adam with its default betas and no weight decay."""
    return torch.optim.Adam(network.parameters(), lr=lr, fused=True)


FAST = Recipe(
    name="fast",
    epochs=1,
    batch_size=64,
    lr=0.004,
    batches=batches,
    optimizer=optimizer,
    schedule=up_and_down,
    fast_arithmetic=True,
)
