"""A user's own images that lie in files as arrays: which classes their labels mean, and what the images are."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnistx_runtime.input_spec import InputSpec
from mnistx_runtime.system.plain_file import require_plain
from mnistx_train.datasets.base import Source, Split, digit_spec, folder_name
from mnistx_train.datasets.split import split_off_test
from mnistx_train.errors import TrainError, first_line

_log = logging.getLogger(__name__)

TEST_SHARE = 1 / 6
MOST_BYTES = 1 << 32  # of one array
NAMES = "names.txt"
"""Beside a user's own files: the class names, one a line, in the order of the labels."""

_MOST_CLASSES = 1000  # as `check_names` has it


@dataclass(frozen=True, eq=False)
class Classes:
    """What labels mean.

    Args:
        names: of the classes.
        labels: int64, rising: the label of each.
    """

    names: tuple[str, ...]
    labels: NDArray[np.int64]

    def indices(self, labels: NDArray[np.int64]) -> NDArray[np.int64]:
        """Labels as indices of names."""
        return self.labels.searchsorted(labels).astype(np.int64)


def array_source(path: Path, read: Callable[[bool], Split], has_test: bool, prefix: str = "") -> Source:
    """The data set of arrays, whose images of 28x28 in grey are taken for such as MNIST's protocol makes.

    EMNIST publishes its images with rows and columns exchanged: they are turned upright.

    Args:
        path: of the file or the folder.
        read: reads the training images (True) or the test images (False), whose labels are whole numbers.
        has_test: whether there are test images; else about a sixth of each class is kept apart.
        prefix: with which the files' names begin: "emnist-letters-" means EMNIST's letters, whose labels are named by
            emnist-letters-mapping.txt, see `read_mapping`. Without such a file, those of `NAMES`, if it is there.

    Raises:
        TrainError: they can't be read, a label has no name, or the test images have another size.
    """
    emnist = prefix.lower().startswith("emnist")
    if emnist:
        _log.warning("%s: EMNIST's images have rows and columns exchanged; they are turned upright", path)
    parts = [read(train) for train in ((True, False) if has_test else (True,))]
    shapes = [part.images.shape[1:] for part in parts]
    if shapes[0] != shapes[-1]:
        raise TrainError(f"{path}: training images of shape {shapes[0]}, and test images of {shapes[-1]}")
    labels = np.unique(np.concatenate([part.labels for part in parts]))
    check_labels(labels, path)
    folder = path if path.is_dir() else path.parent
    mapping = folder / f"{prefix}mapping.txt"
    classes = read_mapping(mapping, labels) if prefix and mapping.is_file() else name_classes(labels, folder / NAMES)
    channels, height, width = shapes[0]
    spec = digit_spec(classes.names)
    if spec.shape != shapes[0]:
        spec = InputSpec(channels=channels, height=height, width=width, mean=(0.0,) * channels, std=(1.0,) * channels)

    def numbered(train: bool) -> Split:
        part = read(train)
        images = np.ascontiguousarray(part.images.swapaxes(2, 3)) if emnist else part.images
        return Split(images, classes.indices(part.labels))

    part = numbered if has_test else split_off_test(lambda: numbered(True), TEST_SHARE, classes.names)
    return Source(folder_name(path), classes.names, part, spec)


def check_labels(labels: NDArray[np.int64], path: Path) -> None:
    """Hold labels to what classes can be counted by.

    Raises:
        TrainError: one is below 0, or they are too far apart.
    """
    first, last = int(labels[0]), int(labels[-1])
    if first < 0 or last - first >= _MOST_CLASSES:
        raise TrainError(f"{path}: labels from {first} to {last}; need {_MOST_CLASSES:,} from 0 on at most")


def name_classes(labels: NDArray[np.int64], listed: Path) -> Classes:
    """The classes that labels mean: by the lines of a file if there is one, else each label by its number.

    Args:
        labels: those that occur, rising.
        listed: a file with a name a line: of the labels 0, 1 and so on, or of those that occur, in their order.

    Raises:
        TrainError: the file can't be read, or has too few names.

    >>> name_classes(np.array([1, 2, 4]), Path("no file")).names
    ('1', '2', '3', '4')
    """
    first, last = int(labels[0]), int(labels[-1])
    if not listed.is_file():
        return Classes(tuple(map(str, range(first, last + 1))), np.arange(first, last + 1))
    try:
        names = tuple(line.strip() for line in listed.read_text("utf-8").splitlines() if line.strip())
    except (OSError, UnicodeDecodeError) as error:
        raise TrainError(f"{listed} can't be read as UTF-8 text: {first_line(error)}") from error
    if len(names) > last:
        return Classes(names, np.arange(len(names)))
    if len(names) == len(labels):
        return Classes(names, labels)
    raise TrainError(f"{listed} names {len(names)} classes, the labels need {last + 1}")


def read_mapping(path: Path, labels: NDArray[np.int64]) -> Classes:
    """The classes that labels mean by EMNIST's mapping: a line a class, its label and its characters' codes.

    Raises:
        TrainError: it can't be read, holds something else, or lacks one of the labels.
    """
    names = {}
    try:
        for line in require_plain(path).read_text("utf-8").splitlines():
            label, *codes = map(int, line.split())
            names[label] = "".join(map(chr, codes))
    except (OSError, ValueError, OverflowError) as error:
        raise TrainError(f"{path} isn't lines of a label and the codes of its characters, such as 10 65") from error
    missing = [label for label in labels.tolist() if label not in names]
    if missing:
        raise TrainError(f"{path} has no line for label {missing[0]}")
    return Classes(tuple(names[label] for label in sorted(names)), np.array(sorted(names), np.int64))
