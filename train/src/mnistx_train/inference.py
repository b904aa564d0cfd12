"""The trained module's own answers: what every deployed model is compared with."""

import copy

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from mnistx_train.network import Normalize

BATCH = 500


def log_probs(
    network: nn.Module,
    images: NDArray[np.uint8],
    mean: float,
    std: float,
    dtype: torch.dtype = torch.float32,
) -> NDArray[np.floating]:
    """Log-probabilities of images, without gradients, in evaluation mode.

    Args:
        network: as `cnn` makes it; left in the mode it was in.
        images: uint8 `(N, 28, 28)` or `(N, 1, 28, 28)`, bright ink on black.
        mean: see `Normalize`.
        std: see `Normalize`.
        dtype: float32, or float64 for the reference beyond float32's rounding.

    Returns:
        `(N, classes)` in `dtype`.
    """
    device = next(network.parameters()).device
    normalize = Normalize(mean, std, dtype)
    module = copy.deepcopy(network).to(dtype).eval() if dtype != torch.float32 else network
    training = module.training
    module.eval()
    parts = []
    with torch.inference_mode():
        for at in range(0, len(images), BATCH):
            batch = torch.from_numpy(images[at : at + BATCH].reshape(-1, 1, 28, 28)).to(device)
            parts.append(module(normalize(batch)).cpu().numpy())
    module.train(training)
    return np.concatenate(parts)
