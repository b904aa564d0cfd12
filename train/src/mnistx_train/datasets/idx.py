"""IDX files, the format in which MNIST and its likes are published."""

import gzip
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnistx_runtime.input_spec import SIDES, InputSpec
from mnistx_train.datasets.base import Source, Split, digit_spec, folder_name
from mnistx_train.errors import TrainError


def read_idx(path: Path) -> NDArray[np.uint8]:
    """The array in an IDX file of unsigned bytes, gzipped or not.

    The format (LeCun, "The MNIST database"): two zero bytes, the type (8: unsigned byte), the number of dimensions,
    each dimension as a big-endian 32-bit integer, then the data in C order.

    Raises:
        TrainError: it can't be read, is cut off, or holds something else.
    """
    try:
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        if data[:3] != b"\0\0\x08":
            raise ValueError("no IDX file of unsigned bytes")
        dims = np.frombuffer(data, ">u4", count=data[3], offset=4).astype(int)
        return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(dims).copy()
    except (OSError, EOFError, ValueError, IndexError, zlib.error) as error:
        raise TrainError(f"{path} can't be read as an IDX file: {error}") from error


def find(folder: Path, part: str) -> Path | None:
    """The file of one part, such as "train-images", whichever way its name was unpacked."""
    for ending in ("-ubyte", "-ubyte.gz"):
        for joint in ("-", "."):
            kind = "idx3" if part.endswith("images") else "idx1"
            path = folder / f"{part}{joint}{kind}{ending}"
            if path.is_file():
                return path
    return None


def is_idx_folder(folder: Path) -> bool:
    """Whether training images in IDX format lie there."""
    return find(folder, "train-images") is not None


def is_whole(folder: Path) -> bool:
    """Whether training and test images and the labels of both lie there."""
    return all(find(folder, f"{prefix}-{part}") for prefix in ("train", "t10k") for part in ("images", "labels"))


def read_split(folder: Path, train: bool, size: tuple[int, int] | None = None) -> Split:
    """The training or the test images of a folder, grey.

    Args:
        folder: that holds them.
        train: which of them.
        size: height and width that they must have; None for any of 8 to 1,024 pixels a side.

    Raises:
        TrainError: a file is missing or damaged, images have another size, or there are more images than labels or
            fewer.
    """
    prefix = "train" if train else "t10k"
    paths = [find(folder, f"{prefix}-{part}") for part in ("images", "labels")]
    if None in paths:
        raise TrainError(f"{folder} lacks {prefix}-images-idx3-ubyte or {prefix}-labels-idx1-ubyte")
    images, labels = (read_idx(path) for path in paths if path)
    fits = images.ndim == 3 and (images.shape[1:] == size if size else all(s in SIDES for s in images.shape[1:]))
    if not fits or labels.shape != images.shape[:1] or not len(images):
        sides = f"(N, {size[0]}, {size[1]})" if size else f"(N, height, width) of {SIDES[0]} to {SIDES[-1]:,} pixels"
        raise TrainError(f"{folder}: images of shape {images.shape} and labels {labels.shape}; need {sides} and (N,)")
    return Split(images[:, None], labels.astype(np.int64))


def idx_folder(folder: Path) -> Source:
    """A user's own folder of IDX files, with the class names, one a line, in names.txt if there is one.

    Images of 28x28 are taken for such as MNIST's protocol makes; what others are made of isn't known.

    Raises:
        TrainError: files are missing, labels or names can't be read, a label has no name, or the test images have
            another size than the training images.
    """
    training = read_split(folder, True)
    if not is_whole(folder):
        raise TrainError(f"{folder} lacks t10k-images-idx3-ubyte or t10k-labels-idx1-ubyte, the test images")
    _, channels, height, width = training.images.shape
    test = read_split(folder, False, (height, width))
    count = int(max(training.labels.max(), test.labels.max())) + 1
    listed = folder / "names.txt"
    try:
        lines = listed.read_text("utf-8").splitlines() if listed.is_file() else list(map(str, range(count)))
    except (OSError, UnicodeDecodeError) as error:
        raise TrainError(f"{listed} can't be read as UTF-8 text: {error}") from error
    names = tuple(line.strip() for line in lines if line.strip())
    if len(names) < count:
        raise TrainError(f"{listed} names {len(names)} classes, the labels need {count}")
    spec = digit_spec(names)
    if spec.shape != (channels, height, width):
        spec = InputSpec(channels=channels, height=height, width=width, mean=(0.0,), std=(1.0,))
    return Source(folder_name(folder), names, lambda train: read_split(folder, train, (height, width)), spec)
