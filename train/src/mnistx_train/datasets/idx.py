"""IDX files, the format in which MNIST and its likes are published."""

import gzip
import re
import zlib
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnistx_runtime.input_spec import SIDES
from mnistx_train.datasets.arrays import MOST_BYTES, array_source
from mnistx_train.datasets.base import Source, Split
from mnistx_train.errors import TrainError, first_line

_TRAINING = re.compile(r"(.*?)train-images[-.]idx3-ubyte(\.gz)?")
_TESTS = ("t10k", "test")
_MOST_DEFLATED = 1032  # bytes that one byte of a gzipped file can stand for


def read_idx(path: Path) -> NDArray[np.uint8]:
    """The array in an IDX file of unsigned bytes, gzipped or not.

    The format (LeCun, "The MNIST database"): two zero bytes, the type (8: unsigned byte), the number of dimensions,
    each dimension as a big-endian 32-bit integer, then the data in C order.

    Raises:
        TrainError: it can't be read, is cut off, is larger than `MOST_BYTES`, or holds something else.
    """
    zipped = path.suffix == ".gz"
    try:
        with gzip.open(path) if zipped else path.open("rb") as file:
            start = file.read(4)
            if start[:3] != b"\0\0\x08":
                raise ValueError("no IDX file of unsigned bytes")
            dims = np.frombuffer(file.read(4 * start[3]), ">u4", count=start[3]).tolist()
            size, room = prod(dims), path.stat().st_size * (_MOST_DEFLATED if zipped else 1)
            if size > min(room, MOST_BYTES):
                raise ValueError(f"it declares {size:,} bytes; {room:,} is the most that it can hold")
            array = np.empty(dims, np.uint8)
            found = file.readinto(array.reshape(-1).data)
            if found != size or file.read(1):
                raise ValueError(f"it declares {size:,} bytes, and holds {'more' if found == size else f'{found:,}'}")
            return array
    except (OSError, EOFError, ValueError, IndexError, MemoryError, zlib.error) as error:
        raise TrainError(f"{path} can't be read as an IDX file: {first_line(error)}") from error


def find(folder: Path, part: str) -> Path | None:
    """The file of one part, such as "train-images", whichever way its name was unpacked."""
    for ending in ("-ubyte", "-ubyte.gz"):
        for joint in ("-", "."):
            kind = "idx3" if part.endswith("images") else "idx1"
            path = folder / f"{part}{joint}{kind}{ending}"
            if path.is_file():
                return path
    return None


def is_whole(folder: Path) -> bool:
    """Whether MNIST's four files lie there: training and test images and the labels of both."""
    return all(find(folder, f"{stem}-{part}") for stem in ("train", "t10k") for part in ("images", "labels"))


def read_split(folder: Path, train: bool, size: tuple[int, int] | None = None, prefix: str = "") -> Split:
    """The training or the test images of a folder, grey.

    Args:
        folder: that holds them.
        train: which of them.
        size: height and width that they must have; None for any of 8 to 1,024 pixels a side.
        prefix: with which the files' names begin.

    Raises:
        TrainError: a file is missing or damaged, images have another size, or there are more images than labels or
            fewer.
    """
    stems = [f"{prefix}{stem}" for stem in (("train",) if train else _TESTS)]
    paths = [
        next(filter(None, (find(folder, f"{stem}-{part}") for stem in stems)), None) for part in ("images", "labels")
    ]
    if None in paths:
        what = "" if train else ", the test images"
        raise TrainError(f"{folder} lacks {stems[0]}-images-idx3-ubyte or {stems[0]}-labels-idx1-ubyte{what}")
    images, labels = (read_idx(path) for path in paths if path)
    fits = images.ndim == 3 and (images.shape[1:] == size if size else all(s in SIDES for s in images.shape[1:]))
    if not fits or labels.shape != images.shape[:1] or not len(images):
        sides = f"(N, {size[0]}, {size[1]})" if size else f"(N, height, width) of {SIDES[0]} to {SIDES[-1]:,} pixels"
        raise TrainError(f"{folder}: images of shape {images.shape} and labels {labels.shape}; need {sides} and (N,)")
    return Split(images[:, None], labels.astype(np.int64))


def prefixes(folder: Path) -> list[str]:
    """With what the names of the training images begin that lie in a folder: "" for MNIST's."""
    matches = [_TRAINING.fullmatch(path.name) for path in folder.iterdir()]
    return sorted({match[1] for match in matches if match})


def idx_file(path: Path) -> Source | None:
    """The data set that the file of its training images names; None where the file isn't called like such.

    Raises:
        TrainError: see `idx_folder`.
    """
    match = _TRAINING.fullmatch(path.name)
    return idx_folder(path.parent, match[1]) if match else None


def idx_folder(folder: Path, prefix: str | None = None) -> Source:
    """A user's own folder of IDX files; see `array_source` for what their labels and images are taken for.

    Args:
        folder: that holds them.
        prefix: with which the files' names begin; None where there is one such set.

    Raises:
        TrainError: files are missing or damaged, several sets lie there, or see `array_source`.
    """
    found = prefixes(folder) if prefix is None else [prefix]
    if len(found) > 1:
        listed = ", ".join(f"{each}train-images-idx3-ubyte" for each in found)
        raise TrainError(f"{folder} holds {len(found)} data sets; name one by its training images: {listed}")
    return array_source(folder, lambda train: read_split(folder, train, prefix=found[0]), True, found[0])
