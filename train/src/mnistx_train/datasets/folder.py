"""A user's own pictures: one subfolder a class, with or without train/ and test/ above them."""

from importlib.metadata import entry_points
from pathlib import Path

import numpy as np

from mnistx_train.datasets import Source, Split, split_off_test
from mnistx_train.errors import TrainError

TEST_SHARE = 1 / 6


def picture_folder(folder: Path) -> Source:
    """The classes are the subfolders' names in alphabetical order; without test/, a sixth of each class is kept apart.

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
        return Source(folder.resolve().name, names, lambda train: _read(folder / ("train" if train else "test"), names))
    return Source(folder.resolve().name, names, split_off_test(lambda: _read(folder, names), TEST_SHARE))


def _read(folder: Path, names: tuple[str, ...]) -> Split:
    """Every file becomes an image as the device will make it: through the picture entry point of the runtime.

    Raises:
        TrainError: a class has no file, or a file can't be made an image.
    """
    entries = list(entry_points(group="mnistx.pictures"))
    if not entries:
        raise TrainError("pictures need mnistx-runtime, which makes them 28x28: pip install ./runtime")
    image_from_source = entries[0].load()
    images, labels = [], []
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
    return Split(np.stack(images), np.array(labels, np.int64))
