"""Publishes how many of MNIST's test images are read right under each of 15 kinds of corruption.

`python benchmarks/corruptions.py FOLDER CHECKPOINT.safetensors ...` writes corruptions.json, .md and .png into FOLDER.
The kinds and their strengths follow MNIST-C (Mu and Gilmer, 2019, arXiv:1906.02337), the pictures don't: they're made
here, from a seed. Nothing learns from them.
"""

import json
import sys
from collections.abc import Callable
from itertools import cycle, pairwise
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.ndimage import affine_transform, gaussian_filter, label, map_coordinates
from torch import nn

from mnistx_train.checkpoint import Card, load_checkpoint
from mnistx_train.datasets import Split, source
from mnistx_train.evaluation.inference import log_probs

Images = NDArray[np.uint8]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SIDE, MIDDLE = 28, 13.5
SEED = 0
STYLES = [("#8a8a8a", "s"), ("#1f6fb4", "o"), ("#e07b00", "D"), ("#2e8b57", "^")]
"""Colour and shape of each checkpoint's dots."""


def shot_noise(images: Images, random: np.random.Generator) -> Images:
    """The light is so weak that even white is 3 photons only."""
    return _rounded(random.poisson(images / 255 * 3) / 3)


def impulse_noise(images: Images, random: np.random.Generator) -> Images:
    """Of all pixels 17% turn black or white."""
    chance = random.random(images.shape)
    return np.select([chance < 0.085, chance < 0.17], [np.uint8(0), np.uint8(255)], images)


def glass_blur(images: Images, random: np.random.Generator) -> Images:
    """Blurred, 45% of the pixels swapped with a neighbour, twice, and blurred again."""
    mixed: Floats = gaussian_filter(images / 255, (0, 0.7, 0.7))
    each = np.arange(len(images))
    for _ in range(2):
        for y, x in np.ndindex(SIDE - 2, SIDE - 2):
            down, right = random.integers(-1, 2, (2, len(images))) * (random.random(len(images)) < 0.45)
            here, there = (each, y + 1, x + 1), (each, y + 1 + down, x + 1 + right)
            mixed[here], mixed[there] = mixed[there], mixed[here]
    return _rounded(gaussian_filter(mixed, (0, 0.7, 0.7)))


def motion_blur(images: Images, random: np.random.Generator) -> Images:
    """Each point draws a tail that fades, at most 45 degrees from level."""
    angle = random.uniform(-np.pi / 4, np.pi / 4, len(images))
    weights = np.exp(-(np.arange(10.0) ** 2) / (2 * 3**2))
    blurred = np.zeros(images.shape)
    for step, weight in enumerate(weights / weights.sum()):
        down, right = (np.round(step * part(angle)).astype(np.int64) for part in (np.sin, np.cos))
        blurred += weight * _moved(images, down, right)
    return _rounded(blurred / 255)


def shear(images: Images, random: np.random.Generator) -> Images:
    """Slanted to either side by 0.4 pixels a row."""
    slant = 0.4 * _signs(random, len(images))
    return _mapped(images, np.array([[np.ones_like(slant), 0 * slant], [slant, np.ones_like(slant)]]))


def scale(images: Images, random: np.random.Generator) -> Images:
    """At 70% of the size."""
    return _mapped(images, np.tile(np.eye(2)[:, :, None] / 0.7, len(images)))


def rotate(images: Images, random: np.random.Generator) -> Images:
    """Turned either way by 0.4 radians, 23 degrees."""
    turn = 0.4 * _signs(random, len(images))
    return _mapped(images, np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]))


def brightness(images: Images, random: np.random.Generator) -> Images:
    """Half of white added everywhere."""
    return _rounded(images / 255 + 0.5)


def translate(images: Images, random: np.random.Generator) -> Images:
    """Moved by 3 pixels along both axes, either way."""
    return _moved(images, 3 * _signs(random, len(images)), 3 * _signs(random, len(images)))


def stripe(images: Images, random: np.random.Generator) -> Images:
    """Negative in the left quarter and in the right one."""
    return np.where(abs(np.arange(SIDE) - MIDDLE) > SIDE / 4, 255 - images, images)


def fog(images: Images, random: np.random.Generator) -> Images:
    """Clouds of all sizes, three times as strong as the ink."""
    cloud = np.full(images.shape, 0.5)
    for pitch in (64, 32, 16, 8, 4):
        nodes = np.arange(0, SIDE + pitch, pitch)
        near = np.clip(1 - abs(np.arange(SIDE)[:, None] - nodes) / pitch, 0, 1)  # (28, nodes), rows add up to 1
        cloud += pitch / 250 * (near @ random.normal(0, 1, (len(images), len(nodes), len(nodes))) @ near.T)
    return _rounded((images / 255 + 3 * np.clip(cloud, 0, 1)) / 4)


def spatter(images: Images, random: np.random.Generator) -> Images:
    """Drops of mud, dark grey."""
    uneven: Floats = gaussian_filter(random.normal(0, 1, images.shape), (0, 2, 2))
    mud = np.clip(3 * (uneven / uneven.std() - 1), 0, 1)
    return _rounded(images / 255 * (1 - mud) + 0.25 * mud)


def dotted_line(images: Images, random: np.random.Generator) -> Images:
    """A straight line from edge to edge, 2 pixels drawn and 2 not."""
    rows = random.uniform(0, SIDE - 1, (len(images), 2))
    line = _line(rows, np.array([0, SIDE - 1]))
    return _rounded(images / 255 + line * (np.arange(SIDE) % 4 >= 2))


def zigzag(images: Images, random: np.random.Generator) -> Images:
    """A jagged line, nearly level."""
    columns = np.array([2, *range(4, SIDE - 2, 4), SIDE - 2])
    teeth = np.array([0, *(2, -2) * 3, 0])
    start, rise = random.uniform(0, SIDE - 1, (len(images), 1)), random.uniform(-5, 5, (len(images), 1))
    return _rounded(images / 255 + _line(start + rise * (columns - 2) / (SIDE - 4) + teeth, columns))


def canny_edges(images: Images, random: np.random.Generator) -> Images:
    """Only the outline, as Canny finds it (1986): ridges of the gradient, weak ones where they lead to a strong one."""
    down, right = (gaussian_filter(images / 255, (0, 1.2, 1.2), order) for order in ((0, 1, 0), (0, 0, 1)))
    steep = np.hypot(down, right)
    number, y, x = np.indices(images.shape)
    dy, dx = np.stack([down, right]) / np.maximum(np.maximum(abs(down), abs(right)), 1e-9)
    uphill, downhill = (map_coordinates(steep, [number, y + s * dy, x + s * dx], order=1) for s in (1, -1))
    ridge = (steep >= uphill) & (steep > downhill)
    within_an_image = np.zeros((3, 3, 3), int)
    within_an_image[1] = 1
    pieces, count = label(ridge & (steep > 0.0125), within_an_image)
    kept = np.zeros(count + 1, bool)
    kept[pieces[ridge & (steep > 0.025)]] = True
    outline: Images = 255 * kept[pieces].astype(np.uint8)
    return outline


CORRUPTIONS: dict[str, Callable[[Images, np.random.Generator], Images]] = {
    "shot noise": shot_noise,
    "impulse noise": impulse_noise,
    "glass blur": glass_blur,
    "motion blur": motion_blur,
    "shear": shear,
    "scale": scale,
    "rotate": rotate,
    "brightness": brightness,
    "translate": translate,
    "stripe": stripe,
    "fog": fog,
    "spatter": spatter,
    "dotted line": dotted_line,
    "zigzag": zigzag,
    "canny edges": canny_edges,
}
"""From uint8 `(N, 28, 28)`, bright ink on black, and a seeded generator to the same shape and type."""


def _rounded(brightness: Floats) -> Images:
    """From 0..1 to 0..255; what is beyond is cut off."""
    return np.round(np.clip(brightness, 0, 1) * 255).astype(np.uint8)


def _signs(random: np.random.Generator, count: int) -> Ints:
    return 2 * random.integers(0, 2, count) - 1


def _moved(images: Images, down: Ints, right: Ints) -> Images:
    """Each image moved by its own whole number of pixels."""
    room = int(max(abs(down).max(), abs(right).max()))
    padded = np.pad(images, ((0, 0), (room, room), (room, room)))
    rows, columns = (np.arange(SIDE) + room - shift[:, None] for shift in (down, right))
    moved: Images = padded[np.arange(len(images))[:, None, None], rows[:, :, None], columns[:, None, :]]
    return moved


def _mapped(images: Images, maps: Floats) -> Images:
    """Each image through its own linear map about the middle, `(2, 2, N)`: from a new pixel's y and x to the old."""
    middle = np.array([MIDDLE, MIDDLE])
    seen = [
        affine_transform(image / 255, matrix, middle - matrix @ middle, order=1)
        for image, matrix in zip(images, maps.transpose(2, 0, 1), strict=True)
    ]
    return _rounded(np.stack(seen))


def _line(rows: Floats, columns: NDArray[np.int_]) -> Floats:
    """Ink 0..1 of a soft line through the points of each image: rows `(N, points)`, columns `(points,)`."""
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    nearest = np.full((len(rows), SIDE, SIDE), np.inf)
    for a, b in pairwise(range(len(columns))):
        top, left = rows[:, a, None, None], columns[a]
        high, wide = rows[:, b, None, None] - top, columns[b] - left
        along = np.clip(((y - top) * high + (x - left) * wide) / (high**2 + wide**2), 0, 1)
        nearest = np.minimum(nearest, np.hypot(y - top - along * high, x - left - along * wide))
    return np.clip(1.2 - nearest, 0, 1)


def measured(checkpoints: list[tuple[nn.Module, Card]], test: Split) -> dict[str, list[float]]:
    """The share that each checkpoint reads right: of the images as they are, then of each corruption."""
    rows = {}
    digits = test.images.reshape(-1, SIDE, SIDE)
    for name, corrupted in {"clean": lambda images, _: images, **CORRUPTIONS}.items():
        images = corrupted(digits, np.random.default_rng(SEED))
        answers = [log_probs(network, images, card.input).argmax(1) for network, card in checkpoints]
        rows[name] = [float((answer == test.labels).mean()) for answer in answers]
    return rows


def table(recipes: list[str], rows: dict[str, list[float]]) -> str:
    """The measures as Markdown, and their mean over the corruptions."""
    corrupted = [shares for name, shares in rows.items() if name != "clean"]
    cells = {**rows, "**mean of the corruptions**": [float(share) for share in np.mean(corrupted, 0)]}
    return "\n".join(
        [
            "# Test images read right under corruption",
            "",
            "`python benchmarks/corruptions.py FOLDER CHECKPOINT.safetensors ...` made this table: a column for each",
            "checkpoint's recipe, all of MNIST's test images in each row. Kinds and strengths follow MNIST-C (Mu and",
            "Gilmer, 2019). Nothing learned from these pictures; `best` draws grain, specks, lit ground and turned,",
            "slanted and resized digits of its own, so those kinds aren't new to it.",
            "",
            f"| corruption | {' | '.join(recipes)} |",
            "|---" * (len(recipes) + 1) + "|",
            *(f"| {name} | {' | '.join(f'{share:.2%}' for share in shares)} |" for name, shares in cells.items()),
            "",
        ]
    )


def figure(recipes: list[str], rows: dict[str, list[float]]) -> Figure:
    """A line for each corruption, the hardest at the bottom, with a dot for each checkpoint."""
    ordered = sorted(rows, key=lambda name: float(np.mean(rows[name])))
    shares = 100 * np.array([rows[name] for name in ordered])
    drawn = Figure(figsize=(7.5, 5.2), layout="constrained")
    axes = drawn.subplots()
    axes.hlines(range(len(ordered)), shares.min(1), shares.max(1), color="#c9c9c9", linewidth=2.5, zorder=1)
    for recipe, column, (colour, shape) in zip(recipes, shares.T, cycle(STYLES), strict=False):
        axes.plot(column, range(len(ordered)), shape, color=colour, markersize=7, label=recipe)
    axes.set_yticks(range(len(ordered)), ordered)
    axes.set(xlabel="test images read right (%)", xlim=(0, 101))
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.grid(color="#ececec", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.legend(frameon=False, loc="upper left", title="recipe")
    return drawn


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    loaded = [load_checkpoint(Path(name)) for name in sys.argv[2:]]
    recipes = [card.recipe for _, card in loaded]
    found = measured(loaded, source("mnist", download=False).read(False))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "corruptions.json").write_text(json.dumps({"recipes": recipes, "read_right": found}, indent=1) + "\n")
    (folder / "corruptions.md").write_text(table(recipes, found))
    figure(recipes, found).savefig(folder / "corruptions.png", dpi=110, metadata={"Software": None})
    print(table(recipes, found))
