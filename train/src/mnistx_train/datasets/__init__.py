"""Where images and labels come from: one table, and the split that keeps the test images apart."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnistx_train.errors import NotAtHand, TrainError

SOURCES = {
    "mnist": "mnistx_train.datasets.published:mnist",
    "fashion-mnist": "mnistx_train.datasets.published:fashion_mnist",
    "kmnist": "mnistx_train.datasets.published:kmnist",
    "digits": "mnistx_train.datasets.digits:digits",
}

VALIDATION_SHARE = 1 / 12
"""Of the training images: 5,000 of MNIST's 60,000."""

_LONGEST_NAME = 255  # bytes of a file name; asking for a longer one is an OSError
_SPLIT_SEED = 0  # the split is the same for every seed of training


@dataclass(frozen=True, eq=False)
class Split:
    """Images and what they show.

    Args:
        images: uint8 `(N, 28, 28)`, bright ink on black.
        labels: int64 `(N,)`, indices of class names.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        """How many images."""
        return len(self.images)

    def at(self, indices: NDArray[np.int64]) -> "Split":
        """The images at these indices."""
        return Split(self.images[indices], self.labels[indices])


@dataclass(frozen=True)
class Source:
    """A data set that has not been read yet.

    Args:
        name: what it is called in metadata and reports.
        names: the class names.
        read: reads the training images (True) or the test images (False).
    """

    name: str
    names: tuple[str, ...]
    read: Callable[[bool], Split]


@dataclass(frozen=True)
class TrainingData:
    """What training may look at. The test images are not here, so that no choice can be made from them.

    Args:
        training: the images to learn from.
        validation: the images to choose by.
        mean: of all pixels of both, 0..1, rounded to four digits.
        std: their standard deviation, likewise.
        names: the class names.
    """

    training: Split
    validation: Split
    mean: float
    std: float
    names: tuple[str, ...] = ()


def source(name: str, data_dir: Path | None = None, download: bool = True) -> Source:
    """Find a data set.

    Args:
        name: a name in `SOURCES`, or the path of a folder with IDX files or with one subfolder a class.
        data_dir: where the published sets lie; without it MNISTX_DATA, then the cache folder, then a download.
        download: whether a published set that isn't at hand may be downloaded.

    Raises:
        TrainError: there's no such set or folder.
    """
    if name in SOURCES:
        module, _, attribute = SOURCES[name].partition(":")
        found: Source = getattr(import_module(module), attribute)(data_dir, download)
        return found
    folder = Path(name)
    if not is_folder(name):
        raise NotAtHand(f"no data set {name!r}: neither a folder nor one of {', '.join(SOURCES)}")
    from mnistx_train.datasets import folder as picture_folder
    from mnistx_train.datasets import idx

    if idx.is_idx_folder(folder):
        return idx.idx_folder(folder)
    return picture_folder.picture_folder(folder)


def folder_name(folder: Path) -> str:
    """What a user's own folder is called in metadata: never like a published set."""
    return f"./{folder.resolve().name}"


def is_folder(name: str) -> bool:
    """Whether a data set's name is the path of a folder."""
    return bool(name) and len(Path(name).name) <= _LONGEST_NAME and Path(name).is_dir()


def training_data(origin: Source) -> TrainingData:
    """Read the training images, measure them and split them, by class, into training and validation.

    Raises:
        TrainError: they can't be read, are blank, or a class has too few of them.
    """
    from mnistx_train.stats import pixel_stats

    whole = origin.read(True)
    stats = pixel_stats(whole.images)
    mean, std = round(stats.mean, 4), round(stats.std, 4)
    if not std:
        raise TrainError(f"all training images of {origin.name} are of one brightness; there's nothing to learn from")
    training, validation = stratified(whole, VALIDATION_SHARE)
    return TrainingData(training, validation, mean, std, origin.names)


def stratified(whole: Split, share: float) -> tuple[Split, Split]:
    """Split off a share of each class, at least one image of it, the same ones every time.

    Raises:
        TrainError: a class has fewer than two images.
    """
    counts = np.bincount(whole.labels)
    if len(counts) < 2 or counts.min() < 2:
        raise TrainError("every class needs at least 2 training images, and there must be at least 2 classes")
    size = max(len(counts), round(len(whole) * share))
    kept, off = _drawn_by_class(whole.labels, size)
    for label in set(range(len(counts))) - set(whole.labels[off].tolist()):
        moved = kept[whole.labels[kept] == label][:1]
        kept, off = np.setdiff1d(kept, moved), np.append(off, moved)
    return whole.at(np.sort(kept)), whole.at(np.sort(off))


def _drawn_by_class(labels: NDArray[np.int64], size: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The indices that stay and the `size` ones that go: those of scikit-learn's train_test_split, in no order.

    Written out, as its import takes longer than the fast recipe has.
    """
    random = np.random.RandomState(_SPLIT_SEED)
    _, counts = np.unique(labels, return_counts=True)
    stay = _apportioned(counts, len(labels) - size, random)
    go = _apportioned(counts - stay, size, random)
    kept, off = [], []
    by_class = np.split(labels.argsort(kind="stable"), counts.cumsum()[:-1])
    for indices, first, last in zip(by_class, stay, stay + go, strict=True):
        drawn = indices[random.permutation(len(indices))]
        kept.append(drawn[:first])
        off.append(drawn[first:last])
    return np.concatenate(kept), np.concatenate(off)


def _apportioned(counts: NDArray[np.int64], size: int, random: np.random.RandomState) -> NDArray[np.int64]:
    """How many of each class make `size` in all: shares rounded down, the largest remainders rounded up, ties drawn."""
    shares = counts / counts.sum() * size
    whole: NDArray[np.int64] = np.floor(shares).astype(np.int64)
    for remainder in np.unique(shares - whole)[::-1]:
        tied, missing = np.flatnonzero(shares - np.floor(shares) == remainder), size - whole.sum()
        if missing > 0:
            whole[random.choice(tied, min(len(tied), missing), replace=False)] += 1
    return whole


def split_off_test(read: Callable[[], Split], share: float) -> Callable[[bool], Split]:
    """A `Source.read` for a set that has no test images of its own: a share of each class is kept apart."""

    def part(train: bool) -> Split:
        training, test = stratified(read(), share)
        return training if train else test

    return part
