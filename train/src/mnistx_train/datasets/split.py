"""Splits images by class: the same ones every time."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from mnistx_train.datasets.base import Split
from mnistx_train.errors import TrainError

_SEED = 0  # the split is the same for every seed of training


def stratified(whole: Split, share: float, names: Sequence[str] = ()) -> tuple[Split, Split]:
    """Split off a share of each class, at least one image of it, the same ones every time.

    Args:
        whole: what is split.
        share: 0..1.
        names: of the classes, for what is said of one that has too few; their numbers without them.

    Raises:
        TrainError: a class has fewer than two images.
    """
    counts = np.bincount(whole.labels)
    if len(counts) < 2:
        raise TrainError("every class needs at least 2 training images, and there must be at least 2 classes")
    if counts.min() < 2:
        few = [str(names[label] if names else label) for label in np.flatnonzero(counts < 2).tolist()]
        others = f", and {len(few) - 1} more have too few" if len(few) > 1 else ""
        raise TrainError(
            f"every class needs at least 2 training images; {few[0]!r} has {counts[counts < 2][0]}{others}"
        )
    size = max(len(counts), round(len(whole) * share))
    kept, off = draw_by_class(whole.labels, size)
    for label in set(range(len(counts))) - set(whole.labels[off].tolist()):
        moved = kept[whole.labels[kept] == label][:1]
        kept, off = np.setdiff1d(kept, moved), np.append(off, moved)
    return whole.at(np.sort(kept)), whole.at(np.sort(off))


def draw_by_class(labels: NDArray[np.int64], size: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The indices that stay and the `size` ones that go: those of scikit-learn's train_test_split, in no order.

    Written out, as its import takes longer than the fast recipe has.
    """
    random = np.random.RandomState(_SEED)
    _, counts = np.unique(labels, return_counts=True)
    stay = _apportion(counts, len(labels) - size, random)
    go = _apportion(counts - stay, size, random)
    kept, off = [], []
    by_class = np.split(labels.argsort(kind="stable"), counts.cumsum()[:-1])
    for indices, first, last in zip(by_class, stay, stay + go, strict=True):
        shuffled = indices[random.permutation(len(indices))]
        kept.append(shuffled[:first])
        off.append(shuffled[first:last])
    return np.concatenate(kept), np.concatenate(off)


def _apportion(counts: NDArray[np.int64], size: int, random: np.random.RandomState) -> NDArray[np.int64]:
    """How many of each class make `size` in all: shares rounded down, the largest remainders rounded up, ties drawn."""
    shares = counts / counts.sum() * size
    whole: NDArray[np.int64] = np.floor(shares).astype(np.int64)
    for remainder in np.unique(shares - whole)[::-1]:
        tied, missing = np.flatnonzero(shares - np.floor(shares) == remainder), size - whole.sum()
        if missing > 0:
            whole[random.choice(tied, min(len(tied), missing), replace=False)] += 1
    return whole


def split_off_test(read: Callable[[], Split], share: float, names: Sequence[str] = ()) -> Callable[[bool], Split]:
    """A `Source.read` for a set that has no test images of its own: a share of each class is kept apart."""

    def part(train: bool) -> Split:
        training, test = stratified(read(), share, names)
        return training if train else test

    return part
