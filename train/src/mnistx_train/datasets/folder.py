"""A user's own pictures: one subfolder a class, with or without train/ and test/ above them."""

import hashlib
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnistx_train.datasets import Source, Split, folder_name
from mnistx_train.errors import TrainError

TEST_SHARE = 1 / 6

Floats = NDArray[np.float64]


def picture_folder(folder: Path) -> Source:
    """The classes are the subfolders' names in alphabetical order; without test/, about a sixth is kept apart.

    Raises:
        TrainError: there are fewer than two subfolders, or test/ has a class that train/ lacks.
    """
    parted = (folder / "train").is_dir() and (folder / "test").is_dir()
    inside = folder / "train" if parted else folder
    names = tuple(sorted(path.name for path in inside.iterdir() if path.is_dir() and path.name[0] != "."))
    if len(names) < 2:
        raise TrainError(f"{folder} holds neither IDX files nor a subfolder for each of two or more classes")
    if parted:
        extra = {path.name for path in (folder / "test").iterdir() if path.is_dir() and path.name[0] != "."} - {*names}
        if extra:
            raise TrainError(f"{folder / 'test'} has classes that train/ lacks: {', '.join(sorted(extra))}")
        return Source(
            folder_name(folder), names, lambda train: _read(folder / ("train" if train else "test"), names)[0]
        )
    return Source(folder_name(folder), names, lambda train: _part(*_read(folder, names), train))


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


def _read(folder: Path, names: tuple[str, ...]) -> tuple[Split, Floats]:
    """Every file becomes an image as the device will make it: through the picture entry point of the runtime.

    Returns:
        The images, and for each a number 0..1 that depends on its file's bytes alone.

    Raises:
        TrainError: a class has no file, or a file can't be made an image.
    """
    entries = list(entry_points(group="mnistx.pictures"))
    if not entries:
        raise TrainError("pictures need mnistx-runtime, which makes them 28x28: pip install ./runtime")
    image_from_source = entries[0].load()
    images, labels, places = [], [], []
    for label, name in enumerate(names):
        files = sorted(path for path in (folder / name).glob("*") if path.is_file() and path.name[0] != ".")
        if not files:
            raise TrainError(f"{folder / name}: no picture in this folder")
        for path in files:
            try:
                images.append(image_from_source(path))
            except Exception as error:
                if hasattr(error, "exit_code"):
                    raise TrainError(str(error) if str(path) in str(error) else f"{path}: {error}") from error
                raise
            labels.append(label)
            places.append(int.from_bytes(hashlib.sha256(path.read_bytes()).digest()[:6]) / 2**48)
    return Split(np.stack(images), np.array(labels, np.int64)), np.array(places)
