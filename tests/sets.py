"""Small sets of images for tests: as arrays, IDX files and pictures."""

import struct
from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mnistx_runtime import InputSpec
from mnistx_train.checkpoint import Card
from mnistx_train.datasets import Split

DIGIT_INPUT = InputSpec(channels=1, height=28, width=28, mean=(0.13,), std=(0.3,), preprocess="mnist-digit")

CARD = Card(
    names=tuple("0123456789"),
    input=DIGIT_INPUT,
    dataset="nowhere",
    recipe="none",
    epochs=1,
    batch_size=1,
    lr=0.1,
    seed=0,
    validation_accuracy=0.1,
    test_accuracy=0.1,
)
"""Of a network that learned nothing, from a data set that is nowhere."""


def idx_bytes(array: NDArray[np.uint8]) -> bytes:
    return b"\0\0\x08" + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def random_images(count: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, 28, 28), np.uint8)


def write_idx_folder(where: Path, classes: int = 3, count: int = 12) -> None:
    where.mkdir(parents=True, exist_ok=True)
    labels = (np.arange(count) % classes).astype(np.uint8)
    for seed, prefix in enumerate(("train", "t10k")):
        (where / f"{prefix}-images-idx3-ubyte").write_bytes(idx_bytes(random_images(count, seed)))
        (where / f"{prefix}-labels-idx1-ubyte").write_bytes(idx_bytes(labels))


def write_picture(path: Path, ink: int) -> None:
    """A 28x28 picture that the runtime takes as it is, told from others by the brightness of its ink."""
    image = np.zeros((28, 28), np.uint8)
    image[8:20, 12:16] = ink
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)


def inks(split: Split) -> list[int]:
    return [int(image.max()) for image in split.images]


def keys(split: Split) -> Counter[bytes]:
    return Counter(image.tobytes() + bytes([label]) for image, label in zip(split.images, split.labels, strict=True))


def same(one: Split, other: Split) -> bool:
    return np.array_equal(one.images, other.images) and np.array_equal(one.labels, other.labels)
