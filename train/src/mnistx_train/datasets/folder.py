"""A user's own pictures: one subfolder a class, with or without train/ and test/ above them."""

import hashlib
from collections.abc import Iterator
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnistx_runtime.errors import MnistxError
from mnistx_runtime.input_spec import InputSpec
from mnistx_runtime.pictures import open_picture
from mnistx_runtime.preprocess import preprocess_for
from mnistx_train.datasets.base import Source, Split, digit_spec, folder_name
from mnistx_train.errors import TrainError

TEST_SHARE = 1 / 6

NO_PICTURES = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "__macosx", "@eadir", "$recycle.bin"})
"""What systems leave in folders, in small letters; names that begin with a dot are passed over, too."""

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
        return _part(*_read(folder, names, spec), train)

    return Source(folder_name(folder), names, read, spec)


def _classes(folder: Path) -> tuple[str, ...]:
    return tuple(sorted(path.name for path in folder.iterdir() if path.is_dir() and _counts(path)))


def _counts(path: Path) -> bool:
    return path.name[0] != "." and path.name.lower() not in NO_PICTURES


def _files(folder: Path) -> Iterator[Path]:
    """The files in a folder and in those inside it, in alphabetical order."""
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if _counts(path):
            if path.is_dir():
                yield from _files(path)
            else:
                yield path


def _part(whole: Split, places: Floats, train: bool) -> Split:
    """A picture is a test picture by its own bytes, however many others there are; every class has one at least."""
    test = places < TEST_SHARE
    for label in range(int(whole.labels.max()) + 1):
        own = np.flatnonzero(whole.labels == label)
        if len(own) < 2:
            raise TrainError("every class needs at least 2 pictures")
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
    files = [(path, label) for label, name in enumerate(names) for path in _files(folder / name)]
    labels = np.array([label for _, label in files], np.int64)
    empty = set(range(len(names))) - {*labels.tolist()}
    if empty:
        raise TrainError(f"{folder / names[min(empty)]}: no picture in this folder")
    if len(files) * prod(spec.shape) > MOST_BYTES:
        raise TrainError(
            f"{folder}: {len(files):,} pictures of {spec.height}x{spec.width} take more than {MOST_BYTES >> 30} GiB of "
            "memory; choose a smaller --size"
        )
    images, places = np.empty((len(files), *spec.shape), np.uint8), np.empty(len(files))
    preprocess = preprocess_for(spec)
    for at, (path, label) in enumerate(files):
        try:
            images[at] = preprocess.prepare(open_picture(path, preprocess.draft)).image
        except MnistxError as error:
            said = str(error) if str(path) in str(error) else f"{path}: {error}"
            raise TrainError(f"class {names[label]}: {said}") from error
        places[at] = int.from_bytes(hashlib.sha256(path.read_bytes()).digest()[:6]) / 2**48
    return Split(images, labels), places
