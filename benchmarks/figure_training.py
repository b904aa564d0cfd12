"""Pictures of drawn figures, and the training of a network on them for some seconds."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

from mnistx_runtime import InputSpec
from mnistx_train.datasets import Split
from networks import Network

SEED = 7
TRAIN = 1600  # images
BATCH = 32
WHOLE = 4  # of so many steps on small images, one more on whole ones
SMOOTHING = 0.05
LAYER_SCALE = 0.3  # of ConvNeXt's blocks, which torchvision starts as the identity

Pixels = NDArray[np.floating]

FIGURES: dict[str, Callable[[Pixels, Pixels], NDArray[np.bool_]]] = {
    "disc": lambda x, y: x**2 + y**2 < 1,
    "square": lambda x, y: np.maximum(abs(x), abs(y)) < 0.85,
    "cross": lambda x, y: (np.minimum(abs(x), abs(y)) < 0.25) & (np.maximum(abs(x), abs(y)) < 1),
    "ring": lambda x, y: abs(np.hypot(x, y) - 0.8) < 0.2,
    "frame": lambda x, y: abs(np.maximum(abs(x), abs(y)) - 0.75) < 0.15,
    "rows": lambda x, y: (np.maximum(abs(x), abs(y)) < 1) & (np.sin(8 * y) > 0),
    "columns": lambda x, y: (np.maximum(abs(x), abs(y)) < 1) & (np.sin(8 * x) > 0),
    "board": lambda x, y: (np.maximum(abs(x), abs(y)) < 1) & (np.sin(5 * x) * np.sin(5 * y) > 0),
    "triangle": lambda x, y: (abs(x) < (y + 1) / 2) & (y < 1),
    "half": lambda x, y: (x**2 + y**2 < 1) & (x > 0),
}
"""What the pictures show, by coordinates in which a figure reaches from -1 to 1."""


def draw(random: np.random.Generator, figure: str, shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """A bright figure of one colour before a darker gradient, with noise: uint8 `(channels, height, width)`."""
    channels, height, width = shape
    row, column = np.mgrid[0:height, 0:width].astype(np.float32)
    radius = min(height, width) * random.uniform(0.28, 0.45)
    centre = [random.uniform(radius, side - radius) for side in (height, width)]
    inside = FIGURES[figure]((column - centre[1]) / radius, (row - centre[0]) / radius)
    colours = random.uniform(0, 0.4, (2, channels, 1, 1))
    angle = random.uniform(0, 2 * math.pi)
    ramp = (math.cos(angle) * row / height + math.sin(angle) * column / width + 1.5) / 3
    ground = colours[0] * ramp + colours[1] * (1 - ramp)
    pixels = np.where(inside, random.uniform(0.6, 1, (channels, 1, 1)), ground)
    pixels = pixels + random.normal(0, random.uniform(0, 0.04), shape)
    return (pixels.clip(0, 1) * 255).round().astype(np.uint8)


def pictures(seed: int, count: int, network: Network, size: tuple[int, int] | None = None) -> Split:
    """Pictures of figures, as many of each, and which it is; of another height and width where `size` gives one."""
    random = np.random.default_rng([SEED, seed])
    figures = list(FIGURES)[: network.classes]
    labels = np.arange(count) % len(figures)
    shape = (network.shape[0], *(size or network.shape[1:]))
    return Split(np.stack([draw(random, figures[label], shape) for label in labels]), labels)


def spec_of(network: Network) -> InputSpec:
    """What its images are."""
    channels, height, width = network.shape
    numbers: tuple[Any, Any] = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)) if channels == 3 else (0.3, 0.3)
    return InputSpec(
        channels=channels, height=height, width=width, mean=numbers[0], std=numbers[1], preprocess="resize"
    )


def normalized(images: NDArray[np.uint8], spec: InputSpec) -> Tensor:
    """What a network takes."""
    mean, std = (torch.tensor(values).view(1, -1, 1, 1) for values in (spec.mean, spec.std))
    return (torch.from_numpy(images).float() / 255 - mean) / std


def train(module: nn.Module, network: Network) -> None:
    """Train for some seconds, on small images first where it says so, and take the batch statistics of whole ones."""
    for name, values in module.named_parameters():
        if name.endswith("layer_scale"):
            nn.init.constant_(values, LAYER_SCALE)
    phases: list[tuple[tuple[int, int] | None, int]] = [(network.train_shape, network.steps)]
    phases = phases if network.train_shape else []
    phases.append((None, network.steps // WHOLE if phases else network.steps))
    optimizer = torch.optim.AdamW(module.parameters(), lr=network.lr)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, network.lr, total_steps=sum(each[1] for each in phases))
    module.train()
    for seed, (size, steps) in enumerate(phases):
        data = pictures(seed, min(TRAIN, steps * BATCH), network, size)
        inputs, labels = normalized(data.images, spec_of(network)), torch.from_numpy(data.labels)
        order = torch.cat([torch.randperm(len(data)) for _ in range(math.ceil(steps * BATCH / len(data)))])
        for at in range(0, steps * BATCH, BATCH):
            chosen = order[at : at + BATCH]
            answers = module(inputs[chosen])
            answers = answers.clamp(min=1e-9).log() if network.output == "probabilities" else answers
            optimizer.zero_grad()
            torch.autograd.backward(functional.cross_entropy(answers, labels[chosen], label_smoothing=SMOOTHING))
            optimizer.step()
            schedule.step()
    module.eval()
    for each in module.modules():
        if isinstance(each, _BatchNorm):
            each.reset_running_stats()
            each.momentum = None  # the plain mean of all batches
            each.train()
    inputs = normalized(pictures(5, 4 * BATCH, network).images, spec_of(network))
    with torch.no_grad():
        for at in range(0, len(inputs), BATCH):
            module(inputs[at : at + BATCH])
    module.eval()


def class_names(network: Network) -> tuple[str, ...]:
    """The figures, and numbers for classes that no figure has."""
    return (*FIGURES, *map(str, range(len(FIGURES), network.classes)))[: network.classes]
