"""The module that is exported: the trained network with its normalization in front."""

from collections import OrderedDict

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from mnistx_train.network import Normalize


def deployed_module(network: nn.Sequential, mean: float, std: float) -> nn.Sequential:
    """From uint8 images `(N, 1, 28, 28)` to float32 log-probabilities `(N, classes)`.

    Args:
        network: trained; its parameters keep their names ("conv1.weight"), in ONNX files too.
        mean: of the training pixels, 0..1.
        std: their standard deviation, 0..1.
    """
    layers = OrderedDict[str, nn.Module](normalize=Normalize(mean, std))
    layers.update(network.named_children())
    return nn.Sequential(layers).eval().requires_grad_(False)


def example(batch: int) -> torch.Tensor:
    """Images to trace with: zeros, of their own storage, `(batch, 1, 28, 28)` uint8."""
    return torch.zeros(batch, 1, 28, 28, dtype=torch.uint8)


def parameters(network: nn.Module) -> dict[str, NDArray[np.float32]]:
    """The parameters by name, as the runtime's `weights_sha256` takes them."""
    return {name: tensor.detach().cpu().numpy() for name, tensor in network.state_dict().items()}
