"""Images and labels in an .npz file of NumPy's, as Keras and MedMNIST publish them."""

import zipfile
import zlib
from collections.abc import Iterable
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from mnistx_runtime.input_spec import SIDES
from mnistx_runtime.system.plain_file import require_plain
from mnistx_train.datasets.arrays import MOST_BYTES, array_source
from mnistx_train.datasets.base import Source, Split
from mnistx_train.errors import TrainError, first_line

ARRAYS = (
    (("x_train", "y_train"), ("x_test", "y_test")),  # Keras
    (("train_images", "train_labels"), ("test_images", "test_labels")),  # MedMNIST
    (("images", "labels"), None),
)
"""What the arrays of the training and of the test images are called, and their labels."""

_DAMAGE = (OSError, ValueError, KeyError, EOFError, MemoryError, RuntimeError, zipfile.BadZipFile, zlib.error)
_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


def npz_file(path: Path) -> Source:
    """The data set in a file, see `array_source`; of `images` and `labels` a share is kept apart as test images.

    Raises:
        TrainError: the file is damaged, or holds something else.
    """
    return array_source(path, lambda train: read_part(path, train), _names(path)[1] is not None)


def read_part(path: Path, train: bool) -> Split:
    """The training or the test images of a file, or all of them where it doesn't tell them apart.

    Args:
        path: of the file, whose images are uint8 `(N, height, width)`, `(N, height, width, channels)` or
            `(N, channels, height, width)`, and labels whole numbers `(N,)` or `(N, 1)`.
        train: which.

    Returns:
        Labels are as they are in the file.

    Raises:
        TrainError: the file is damaged, or holds something else.
    """
    training, test = _names(path)
    first, second = training if train or test is None else test
    arrays = read_arrays(path, (first, second))
    images, labels = arrays[first], arrays[second]
    if images.ndim == 3:
        images = images[:, None]
    elif images.ndim == 4 and images.shape[3] in (1, 3):
        images = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
    sides = all(side in SIDES for side in images.shape[2:])
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1] not in (1, 3) or not sides or not len(images):
        raise TrainError(
            f"{path}: {first} must be uint8 of 0 to 255, (N, height, width) or (N, height, width, channels) of "
            f"{SIDES[0]} to {SIDES[-1]:,} pixels a side, not {arrays[first].dtype} {arrays[first].shape}"
        )
    if labels.shape == (len(images), 1):
        labels = labels[:, 0]
    if labels.shape != (len(images),) or labels.dtype.kind not in "iu":
        raise TrainError(f"{path}: {second} must be whole numbers ({len(images)},), not {labels.dtype} {labels.shape}")
    return Split(images, labels.astype(np.int64))


def read_arrays(path: Path, names: Iterable[str]) -> dict[str, NDArray[Any]]:
    """Arrays of a file. None may hold Python objects, which are pickles, and none takes memory before its size is seen.

    Raises:
        TrainError: the file is damaged, an array isn't in it, or is larger than `MOST_BYTES`.
    """
    found = {}
    try:
        with zipfile.ZipFile(require_plain(path)) as archive:
            for name in names:
                with archive.open(f"{name}.npy") as file:
                    read_header = _HEADERS.get(npy.read_magic(file))
                    if read_header is None:
                        raise ValueError(f"{name} is in a format of NumPy's that isn't read here")
                    shape, _, dtype = read_header(file)
                    size = prod(shape) * dtype.itemsize
                    held = archive.getinfo(f"{name}.npy").file_size - file.tell()
                    if dtype.hasobject:
                        raise ValueError(f"{name} holds Python objects, no numbers")
                    if size > MOST_BYTES or size != held:
                        raise ValueError(f"{name} declares {size:,} bytes, and holds {held:,}; {MOST_BYTES:,} at most")
                with archive.open(f"{name}.npy") as file:
                    found[name] = npy.read_array(file, allow_pickle=False)
    except FileNotFoundError as error:
        raise TrainError(f"{path}: no such file") from error
    except _DAMAGE as error:
        raise TrainError(f"{path} is no .npz file, or is damaged: {first_line(error)}") from error
    return found


def _names(path: Path) -> tuple[tuple[str, str], tuple[str, str] | None]:
    """What the arrays of training and test images are called in a file."""
    try:
        with zipfile.ZipFile(require_plain(path)) as archive:
            there = [name.removesuffix(".npy") for name in archive.namelist()]
    except FileNotFoundError as error:
        raise TrainError(f"{path}: no such file") from error
    except _DAMAGE as error:
        raise TrainError(f"{path} is no .npz file, or is damaged: {first_line(error)}") from error
    for training, test in ARRAYS:
        if {*training, *(test or ())} <= {*there}:
            return training, test
    raise TrainError(
        f"{path} holds {', '.join(there[:8]) or 'nothing'}; images and labels must be called images and labels, or "
        "x_train, y_train, x_test and y_test"
    )
