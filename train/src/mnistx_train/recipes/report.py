"""The recipe of the report, as it was written: 98.93% on MNIST's test images after 10 epochs.

Each picture goes through torchvision's transforms one by one, as PIL images; slow, and kept literal on purpose.
"""

from collections.abc import Iterator
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from mnistx_train.datasets.base import Split, TrainingData
from mnistx_train.recipes import Recipe
from mnistx_train.torches import torchvision

transforms = torchvision().transforms  # asked for here, so that what's wrong with it shows before training


class _Pictures(Dataset[tuple[Tensor, int]]):
    """What `torchvision.datasets.MNIST(root, transform=...)` is, for any split."""

    def __init__(self, split: Split, transform: Any) -> None:
        self._split, self._transform = split, transform

    def __len__(self) -> int:
        return len(self._split)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = self._split.images[index]  # (channels, height, width)
        picture = Image.fromarray(image[0] if len(image) == 1 else image.transpose(1, 2, 0))
        return self._transform(picture), int(self._split.labels[index])


def batches(data: TrainingData, order: Tensor, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Rotation by up to 10 degrees, a crop of 70 to 100% of the area, a shift by up to a tenth. No flips."""
    spec = data.spec
    transform = transforms.Compose(
        [
            transforms.RandomRotation(10),
            transforms.RandomResizedCrop((spec.height, spec.width), scale=(0.7, 1.0), ratio=(0.9, 1.1)),
            transforms.RandomAffine(0, translate=(0.1, 0.1)),
            transforms.ToTensor(),
            transforms.Normalize(spec.mean, spec.std),
        ]
    )
    yield from DataLoader(_Pictures(data.training, transform), batch_size=batch_size, sampler=order.tolist())


def optimizer(network: nn.Module, lr: float) -> torch.optim.Optimizer:
    """Adam with its default betas and no weight decay."""
    return torch.optim.Adam(network.parameters(), lr=lr)


REPORT = Recipe(name="report", epochs=10, batch_size=64, lr=0.001, batches=batches, optimizer=optimizer)
