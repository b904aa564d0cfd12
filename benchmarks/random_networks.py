"""Random small networks of the layers that C is written for, as hypothesis draws them."""

from collections.abc import Callable
from dataclasses import dataclass
from math import gcd, sqrt

import torch
from hypothesis import strategies as st
from torch import Tensor, nn
from torchvision.models.shufflenetv2 import channel_shuffle

Plane = tuple[int, int, int]
"""Channels, height, width."""

Draw = st.DrawFn

MOST_NUMBERS = 4096  # of a plane
OUTPUTS = (1, 2, 3, 4, 5, 7, 8, 12, 16)


class Residual(nn.Module):
    """What a branch makes of a plane, added to it."""

    def __init__(self, branch: nn.Module) -> None:
        super().__init__()
        self.branch = branch

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = x + self.branch(x)
        return found


class Concatenation(nn.Module):
    """What branches make of a plane, side by side."""

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.branches], 1)


class SqueezeExcite(nn.Module):
    """Each channel times what all of them say."""

    def __init__(self, channels: int, inner: int, gate: nn.Module) -> None:
        super().__init__()
        self.squeeze, self.excite, self.gate = nn.Conv2d(channels, inner, 1), nn.Conv2d(inner, channels, 1), gate

    def forward(self, x: Tensor) -> Tensor:
        mean = x.mean((2, 3), keepdim=True)
        found: Tensor = x * self.gate(self.excite(torch.relu(self.squeeze(mean))))
        return found


class Shuffle(nn.Module):
    """A branch for the second half of the channels, and a shuffle of both halves, as ShuffleNet V2 has them."""

    def __init__(self, branch: nn.Module) -> None:
        super().__init__()
        self.branch = branch

    def forward(self, x: Tensor) -> Tensor:
        left, right = x.chunk(2, 1)
        found: Tensor = channel_shuffle(torch.cat([left, self.branch(right)], 1), 2)
        return found


class Mean(nn.Module):
    """The mean of each channel, as users write it."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3))


ACTIVATIONS: tuple[Callable[[], nn.Module], ...] = (
    nn.ReLU,
    nn.ReLU6,
    nn.Hardswish,
    nn.Sigmoid,
    nn.Hardsigmoid,
    nn.Tanh,
    nn.GELU,
    nn.LeakyReLU,
)


def activation(draw: Draw, _: Plane) -> nn.Module:
    """A function of each number."""
    return draw(st.sampled_from(ACTIVATIONS))()


def convolution(draw: Draw, plane: Plane) -> nn.Module:
    """A convolution of any kernel, stride, padding and dilation, dense, grouped or depthwise."""
    channels = plane[0]
    kernel, stride, padding, dilation = zip(*(_window(draw, side, 5) for side in plane[1:]), strict=True)
    outputs = draw(st.sampled_from((*OUTPUTS, channels, 2 * channels)))
    common = gcd(channels, outputs)
    groups = draw(st.sampled_from([each for each in range(1, common + 1) if common % each == 0]))
    return nn.Conv2d(channels, outputs, kernel, stride, padding, dilation, groups, bias=draw(st.booleans()))


def same_convolution(draw: Draw, plane: Plane) -> nn.Module:
    """A convolution whose output is as large as its input; of 3x3 most often, as Winograd's is."""
    channels = plane[0]
    side = draw(st.sampled_from((3, 3, 1, 5)))
    groups = draw(st.sampled_from((1, 1, channels)))
    return nn.Conv2d(channels, channels, side, padding=side // 2, groups=groups)


def pool(draw: Draw, plane: Plane) -> nn.Module:
    """A max or an average pool."""
    kernel, stride, padding, _ = zip(*(_window(draw, side, 3, pool=True) for side in plane[1:]), strict=True)
    if draw(st.booleans()):
        return nn.MaxPool2d(kernel, stride, padding, ceil_mode=draw(st.booleans()))
    return nn.AvgPool2d(kernel, stride, padding, count_include_pad=draw(st.booleans()))


def batch_norm(draw: Draw, plane: Plane) -> nn.Module:
    """Batch normalization."""
    return nn.BatchNorm2d(plane[0])


def dropout(draw: Draw, plane: Plane) -> nn.Module:
    """Dropout."""
    return nn.Dropout(0.3)


def residual(draw: Draw, plane: Plane) -> nn.Module:
    """A residual block."""
    inner = [same_convolution(draw, plane), activation(draw, plane), same_convolution(draw, plane)]
    branch = nn.Sequential(*inner[: draw(st.integers(1, 3))])
    return nn.Sequential(Residual(branch), nn.ReLU()) if draw(st.booleans()) else Residual(branch)


def concatenation(draw: Draw, plane: Plane) -> nn.Module:
    """Two or three branches."""
    layers = (same_convolution, activation, convolution_of_pixels)
    return Concatenation(*(draw(st.sampled_from(layers))(draw, plane) for _ in range(draw(st.integers(2, 3)))))


def convolution_of_pixels(draw: Draw, plane: Plane) -> nn.Module:
    """One by one."""
    return nn.Conv2d(plane[0], draw(st.sampled_from(OUTPUTS)), 1)


def shuffle(draw: Draw, plane: Plane) -> nn.Module:
    """A shuffle of an even number of channels."""
    if plane[0] % 2:
        return nn.Dropout(0.3)
    return Shuffle(same_convolution(draw, (plane[0] // 2, *plane[1:])))


def squeeze_excite(draw: Draw, plane: Plane) -> nn.Module:
    """Squeeze and excite."""
    gate = draw(st.sampled_from((nn.Sigmoid, nn.Hardsigmoid)))()
    return SqueezeExcite(plane[0], draw(st.integers(1, 4)), gate)


LAYERS = (
    convolution,
    convolution,
    same_convolution,
    activation,
    activation,
    pool,
    batch_norm,
    dropout,
    residual,
    concatenation,
    squeeze_excite,
    shuffle,
)
"""Of planes; those that are listed twice come twice as often."""


@dataclass(frozen=True, eq=False)
class RandomNetwork:
    """A network with seeded weights.

    Args:
        shape: channels, height, width of its images.
        module: in evaluation mode.
        classes: how many.
        output: what it gives, see `Model`.
        seed: of its weights and images.
    """

    shape: Plane
    module: nn.Module
    classes: int
    output: str
    seed: int


@st.composite
def networks(draw: Draw) -> RandomNetwork:
    """One to five layers of planes, then one or two that are fully connected."""
    shape = (draw(st.sampled_from((1, 3))), draw(st.integers(8, 17)), draw(st.integers(8, 17)))
    seed = draw(st.integers(0, 1 << 30))
    layers: list[nn.Module] = []
    plane = shape
    for _ in range(draw(st.integers(1, 5))):
        layer = draw(st.sampled_from(LAYERS))(draw, plane).eval()
        found = tuple(layer(torch.zeros(1, *plane)).shape[1:])
        if found[0] * found[1] * found[2] <= MOST_NUMBERS:
            layers.append(layer)
            plane = found
    layers += draw(st.sampled_from(HEADS))()
    numbers = nn.Sequential(*layers).eval()(torch.zeros(1, *shape)).shape[1]
    for outputs in draw(st.lists(st.sampled_from(OUTPUTS), max_size=1)):
        layers += [nn.Linear(numbers, outputs), activation(draw, plane)]
        numbers = outputs
    classes = draw(st.integers(2, 11))
    layers.append(nn.Linear(numbers, classes, bias=draw(st.booleans())))
    output = draw(st.sampled_from(tuple(ENDS)))
    layers += ENDS[output]()
    module = nn.Sequential(*layers).eval()
    set_weights(module, seed)
    return RandomNetwork(shape, module, classes, output, seed)


HEADS: tuple[Callable[[], list[nn.Module]], ...] = (
    lambda: [nn.Flatten()],
    lambda: [nn.AdaptiveAvgPool2d(1), nn.Flatten()],
    lambda: [nn.AdaptiveMaxPool2d(1), nn.Flatten()],
    lambda: [Mean()],
)
"""From planes to a row."""

ENDS: dict[str, Callable[[], list[nn.Module]]] = {
    "logits": list,
    "log-probabilities": lambda: [nn.LogSoftmax(1)],
    "probabilities": lambda: [nn.Softmax(1)],
}
"""By `Model.output`."""


def set_weights(module: nn.Module, seed: int) -> None:
    """Seeded weights by which a number stays as large from layer to layer, so that answers tell images apart."""
    random = torch.Generator().manual_seed(seed)
    for each in module.modules():
        if isinstance(each, nn.Conv2d | nn.Linear):
            nn.init.normal_(each.weight, 0, sqrt(2 / each.weight[0].numel()), random)
            if each.bias is not None:
                nn.init.normal_(each.bias, 0, 0.3, random)
        elif isinstance(each, nn.BatchNorm2d):
            assert each.running_mean is not None and each.running_var is not None
            nn.init.normal_(each.weight, 0, 1, random)
            for values in (each.bias, each.running_mean):
                nn.init.normal_(values, 0, 0.5, random)
            nn.init.uniform_(each.running_var, 0.5, 2, random)


def _window(draw: Draw, side: int, most: int, pool: bool = False) -> tuple[int, int, int, int]:
    """Kernel, stride, padding and dilation along a side, so that at least one window fits."""
    kernel = draw(st.integers(1, min(most, side)))
    padding = draw(st.integers(0, kernel // 2))
    stride = draw(st.integers(1, 3))
    dilation = 1 if pool or 2 * (kernel - 1) + 1 > side + 2 * padding else draw(st.sampled_from((1, 1, 2)))
    return kernel, stride, padding, dilation
