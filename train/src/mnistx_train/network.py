"""The network, and the normalization that belongs to it."""

from collections import OrderedDict

import torch
from torch import Tensor, nn


def cnn(classes: int = 10) -> nn.Sequential:
    """The report's network: 421,642 parameters for ten classes.

    Args:
        classes: columns of the output.

    Returns:
        A module from normalized float images `(N, 1, 28, 28)` to log-probabilities `(N, classes)`.

    >>> sum(p.numel() for p in cnn().parameters())
    421642
    """
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(1, 32, 3, padding=1),
            relu1=nn.ReLU(),
            pool1=nn.MaxPool2d(2),
            conv2=nn.Conv2d(32, 64, 3, padding=1),
            relu2=nn.ReLU(),
            pool2=nn.MaxPool2d(2),
            flatten=nn.Flatten(),
            fc1=nn.Linear(64 * 7 * 7, 128),
            relu3=nn.ReLU(),
            fc2=nn.Linear(128, classes),
            log_softmax=nn.LogSoftmax(dim=1),
        )
    )


class Normalize(nn.Module):
    """From pixels to what the network takes, in the order of ToTensor and Normalize: (x / 255 - mean) / std.

    Args:
        mean: of the training pixels, 0..1.
        std: their standard deviation, 0..1.
        dtype: what to compute in.

    >>> float(Normalize(0.1307, 0.3081)(torch.tensor([[[[255]]]], dtype=torch.uint8)))
    2.821486711502075
    """

    def __init__(self, mean: float, std: float, dtype: torch.dtype = torch.float32) -> None:
        """Keep the two numbers; they are constants, not parameters."""
        super().__init__()
        self.mean, self.std, self.dtype = mean, std, dtype

    def forward(self, image: Tensor) -> Tensor:
        """Normalized images of uint8 images, any shape."""
        return (image.to(self.dtype) / 255 - self.mean) / self.std
