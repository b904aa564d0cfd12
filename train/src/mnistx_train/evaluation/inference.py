"""The trained module's own answers: what every deployed model is compared with."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mnistx_runtime.input_spec import InputSpec

LOGITS, PROBABILITIES, LOG_PROBABILITIES = "logits", "probabilities", "log-probabilities"
OUTPUTS = (LOGITS, PROBABILITIES, LOG_PROBABILITIES)

LEAST_PROBABILITY = 1e-30  # its logarithm must stay finite, in float32, too
SUM_ATOL = 1e-3  # of a row of probabilities from 1
_BATCH_PIXELS = 500 * 28 * 28


class Normalize(nn.Module):
    """From pixels to what the network takes, in the order of ToTensor and Normalize: (x / 255 - mean) / std.

    Args:
        mean: of the training pixels, 0..1, one a channel; of several that are alike, one number.
        std: their standard deviation, likewise.
        dtype: what to compute in.
        cast: whether the pixels come as uint8; False where they are of this type already.

    >>> float(Normalize((0.1307,), (0.3081,))(torch.tensor([[[[255]]]], dtype=torch.uint8)))
    2.821486711502075
    """

    def __init__(
        self, mean: tuple[float, ...], std: tuple[float, ...], dtype: torch.dtype = torch.float32, cast: bool = True
    ) -> None:
        """Keep the numbers; they are constants, not parameters."""
        super().__init__()
        self.mean: float | Tensor
        self.std: float | Tensor
        self.dtype, self.cast = dtype, cast
        if len({*mean}) == len({*std}) == 1:
            self.mean, self.std = mean[0], std[0]
        else:
            for name, values in (("mean", mean), ("std", std)):
                numbers = torch.tensor(values, dtype=torch.float64).to(dtype).view(1, -1, 1, 1)
                self.register_buffer(name, numbers, persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        """Normalized images of images, 0..255."""
        pixels = image.to(self.dtype) if self.cast else image
        return (pixels / 255 - self.mean) / self.std


class DeployedModule(nn.Module):
    """What is deployed: from uint8 images `(N, channels, height, width)` to float32 log-probabilities `(N, classes)`.

    Args:
        module: trained, from normalized images to what `output` says; it's shared, not copied, and its mode is that of
            the whole.
        spec: of its input.
        output: "logits", "probabilities" or "log-probabilities".
        dtype: what it computes in.
        cast: see `Normalize`.

    >>> spec = InputSpec(channels=1, height=8, width=8, mean=0.5, std=0.5)
    >>> net = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
    >>> answers = DeployedModule(net, spec, "logits")(torch.zeros(2, 1, 8, 8, dtype=torch.uint8))
    >>> answers.exp().sum(1).round(decimals=4).tolist()
    [1.0, 1.0]
    """

    def __init__(
        self,
        module: nn.Module,
        spec: InputSpec,
        output: str = LOG_PROBABILITIES,
        dtype: torch.dtype = torch.float32,
        cast: bool = True,
    ) -> None:
        """Put the normalization in front of the module; see the class."""
        super().__init__()
        self.normalize = Normalize(spec.mean, spec.std, dtype, cast)
        self.module = module
        self.output = output
        self.training = self.normalize.training = module.training

    def forward(self, image: Tensor) -> Tensor:
        """Log-probabilities of images."""
        answers: Tensor = self.module(self.normalize(image))
        if self.output == LOGITS:
            return answers.log_softmax(1)
        return answers.clamp(min=LEAST_PROBABILITY).log() if self.output == PROBABILITIES else answers


def log_probs(
    network: nn.Module,
    images: NDArray[np.uint8],
    spec: InputSpec,
    dtype: torch.dtype = torch.float32,
    output: str = LOG_PROBABILITIES,
) -> NDArray[np.floating]:
    """Log-probabilities of images, without gradients, in evaluation mode.

    Args:
        network: from normalized images to what `output` says; left in the mode it was in.
        images: uint8 `(N, channels, height, width)`, or `(N, height, width)` of one channel.
        spec: of its input.
        dtype: float32, or float64 for the reference beyond float32's rounding.
        output: see `DeployedModule`.

    Returns:
        `(N, classes)` in `dtype`.
    """
    device = next((values.device for values in network.parameters()), torch.device("cpu"))
    module = copy.deepcopy(network).to(dtype).eval() if dtype != torch.float32 else network
    deployed = DeployedModule(module, spec, output, dtype).to(device)
    size = max(1, _BATCH_PIXELS // (spec.channels * spec.height * spec.width))
    parts = []
    with evaluation_mode(module), default_dtype(dtype), torch.inference_mode():
        for at in range(0, len(images), size):
            batch = torch.from_numpy(images[at : at + size].reshape(-1, *spec.shape)).to(device)
            parts.append(deployed(batch).cpu().numpy())
    return np.concatenate(parts)


def count_flops(module: nn.Module, spec: InputSpec) -> int:
    """Floating-point operations of one image, a multiply-add counted as two: of convolutions and matrix products.

    Args:
        module: from normalized images; left in the mode it was in.
        spec: of its input.

    >>> spec = InputSpec(channels=1, height=8, width=8, mean=0.5, std=0.5)
    >>> count_flops(nn.Sequential(nn.Flatten(), nn.Linear(64, 2)), spec)
    256
    """
    from torch.utils.flop_counter import FlopCounterMode

    with evaluation_mode(module), FlopCounterMode(display=False) as counter, torch.no_grad():
        module(torch.zeros(1, *spec.shape))
    return int(counter.get_total_flops())


@contextmanager
def evaluation_mode(module: nn.Module) -> Iterator[None]:
    """Put a module and all inside it in evaluation mode for a while, and each back into the mode it was in."""
    modes = [(each, each.training) for each in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for each, training in modes:
            each.training = training


@contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    """What tensors are made of that a module makes itself as it runs."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)
