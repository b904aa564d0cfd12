"""A user's own pictures: one subfolder a class, with or without train/ and test/ above them."""

import hashlib
import logging
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnistx_runtime.batch import prepare_picture
from mnistx_runtime.errors import MnistxError
from mnistx_runtime.input_spec import InputSpec
from mnistx_runtime.picture_folder import class_folders, find_pictures
from mnistx_runtime.preprocess import preprocess_for
from mnistx_train.datasets.base import Source, Split, digit_spec, folder_name
from mnistx_train.errors import TrainError

TEST_SHARE = 1 / 6

_log = logging.getLogger(__name__)

MOST_BYTES = 1 << 32  # of all images of a part together

Floats = NDArray[np.float64]


def picture_folder(folder: Path, spec: InputSpec | None = None) -> Source:
    """The classes are the subfolders' names in alphabetical order; without test/, about a sixth is kept apart.

    Args:
        folder: that holds them.
        spec: what each picture becomes, by its preprocess; None for 28x28 images, by the digit reader.

    Raises:
        TrainError: there are fewer than two subfolders, or test/ has a class that train/ lacks.
    """
    parted = (folder / "train").is_dir() and (folder / "test").is_dir()
    names = _classes(folder / "train" if parted else folder)
    if len(names) < 2:
        raise TrainError(f"{folder} holds neither IDX files nor a subfolder for each of two or more classes")
    spec = spec or digit_spec(names)
    if parted:
        extra = {*_classes(folder / "test")} - {*names}
        if extra:
            raise TrainError(f"{folder / 'test'} has classes that train/ lacks: {', '.join(sorted(extra))}")

    def read(train: bool) -> Split:
        if parted:
            return _read(folder / ("train" if train else "test"), names, spec)[0]
        return _part(*_read(folder, names, spec), train, names)

    return Source(folder_name(folder), names, read, spec)


def _classes(folder: Path) -> tuple[str, ...]:
    names = tuple(path.name for path in class_folders(folder))
    strange = next((name for name in names if "\udc80" <= max(name) <= "\udcff"), None)
    if strange is not None:
        raise TrainError(f"{folder}: rename the folder {strange!r}; the name of a class must be UTF-8")
    return names


def _part(whole: Split, places: Floats, train: bool, names: tuple[str, ...]) -> Split:
    """A picture is a test picture by its own bytes, however many others there are; every class has one at least."""
    test = places < TEST_SHARE
    for label in range(int(whole.labels.max()) + 1):
        own = np.flatnonzero(whole.labels == label)
        if len(own) < 2:
            raise TrainError(f"every class needs at least 2 pictures; {names[label]!r} has {len(own)}")
        order = own[places[own].argsort()]
        test[order[0]], test[order[-1]] = True, False
    return whole.at(np.flatnonzero(~test if train else test))


def _read(folder: Path, names: tuple[str, ...], spec: InputSpec) -> tuple[Split, Floats]:
    """Every file becomes an image as the device will make it, by the preprocess.

    Returns:
        The images, and for each a number 0..1 that depends on its file's bytes alone.

    Raises:
        TrainError: a class has no file, a file can't be made an image, or there are too many for the memory.
    """
    found = [find_pictures(folder / name) for name in names]
    empty = next((each for each in found if not each.pictures), None)
    if empty:
        raise TrainError(empty.nothing_found)
    for note in filter(None, (each.note for each in found)):
        _log.warning("%s", note)
    files = [(path, label) for label, each in enumerate(found) for path in each.pictures]
    labels = np.array([label for _, label in files], np.int64)
    if len(files) * prod(spec.shape) > MOST_BYTES:
        raise TrainError(
            f"{folder}: {len(files):,} pictures of {spec.height}x{spec.width} take more than {MOST_BYTES >> 30} GiB of "
            "memory; choose a smaller --size"
        )
    images, places = np.empty((len(files), *spec.shape), np.uint8), np.empty(len(files))
    preprocess = preprocess_for(spec)
    for at, (path, label) in enumerate(files):
        try:
            images[at] = prepare_picture(path, preprocess)[0][0].image
        except MnistxError as error:
            said = str(error) if str(path) in str(error) else f"{path}: {error}"
            raise TrainError(f"class {names[label]}: {said}") from error
        places[at] = int.from_bytes(hashlib.sha256(path.read_bytes()).digest()[:6]) / 2**48
    return Split(images, labels), places
