"""A network of somebody's own: its code, its weights, its pictures and its spec, drawn and written for a test."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw

NAMES = ("circle", "square", "triangle")

CODE = """
import torch
from torch import nn
from torch.nn import functional as F


class Net(nn.Module):
    def __init__(self, classes=3):
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.last = nn.Linear(8, classes)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.norm(self.first(x))), 2)
        return self.last(F.adaptive_avg_pool2d(x, 1).flatten(1))


def build():
    torch.manual_seed(0)
    return Net()


def probabilities():
    return nn.Sequential(build(), nn.Softmax(1))


def broken():
    raise ValueError("no such layer")


def nothing():
    return None
"""

SPEC = """network = "net.py:build"
weights = "weights.pt"
classes = ["circle", "square", "triangle"]
output = "logits"

[input]
channels = 3
height = 24
width = 32
mean = [0.4, 0.5, 0.6]
std = [0.2, 0.2, 0.3]
preprocess = "resize"

[data]
pictures = "pictures"
"""


def draw(shape: str, seed: int) -> Image.Image:
    """A picture of a shape, of a size and in colours that the seed decides."""
    random = np.random.default_rng([seed, NAMES.index(shape)])
    width, height = (int(side) for side in random.integers(60, 100, 2))
    picture = Image.new("RGB", (width, height), tuple(int(level) for level in random.integers(150, 255, 3)))
    x, y, size = width // 2, height // 2, int(random.integers(15, 25))
    ink = tuple(int(level) for level in random.integers(0, 90, 3))
    draw = ImageDraw.Draw(picture)
    if shape == "circle":
        draw.ellipse((x - size, y - size, x + size, y + size), ink)
    elif shape == "square":
        draw.rectangle((x - size, y - size, x + size, y + size), ink)
    else:
        draw.polygon([(x, y - size), (x - size, y + size), (x + size, y + size)], ink)
    return picture


def write_own_network(folder: Path, pictures: int = 6) -> Path:
    """All of it in a folder; the spec's path."""
    (folder / "net.py").write_text(CODE)
    space: dict[str, object] = {}
    exec(compile(CODE, "net.py", "exec"), space)
    net: torch.nn.Module = space["build"]()  # type: ignore[operator]
    torch.save(net.state_dict(), folder / "weights.pt")
    for name in NAMES:
        (folder / "pictures" / name).mkdir(parents=True)
        for seed in range(pictures):
            draw(name, seed).save(folder / "pictures" / name / f"{seed}.png")
    (folder / "spec.toml").write_text(SPEC)
    return folder / "spec.toml"
