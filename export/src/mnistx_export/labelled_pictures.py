"""Pictures with what they show: a folder with one subfolder a class, or arrays in an .npz file."""

import logging
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnistx_runtime.batch import prepare_picture
from mnistx_runtime.errors import BadInput, MnistxError
from mnistx_runtime.input_spec import InputSpec
from mnistx_runtime.picture_folder import class_folders, find_pictures
from mnistx_runtime.preprocess import preprocess_for
from mnistx_runtime.registry import nearest
from mnistx_train.datasets import Split, format_shape
from mnistx_train.datasets.npz_file import read_part

_log = logging.getLogger(__name__)

MOST_PIXELS = 1 << 31  # of the images of a folder together: 2 GB


def labelled_files(folder: Path, names: tuple[str, ...]) -> list[tuple[Path, int]]:
    """The pictures in a folder with one subfolder a class, each with its class.

    Args:
        folder: its subfolders are called as the classes are; not every class must have one.
        names: of the classes.

    Raises:
        BadInput: there is no such folder, a subfolder is no class, or there are no pictures.
    """
    if not folder.is_dir():
        raise BadInput(f"{folder}: no such folder")
    inside = class_folders(folder)
    strange = [path.name for path in inside if path.name not in names]
    if strange:
        raise BadInput(f"{folder} has a subfolder {strange[0]!r}, which is no class of this model; "
                       f"{nearest(strange[0], names)}")  # fmt: skip
    whole = find_pictures(folder)
    found = [(path, names.index(sub.name)) for sub in inside for path in find_pictures(sub).pictures]
    if not found:
        note = f"; {whole.note}" if whole.note else ""
        raise BadInput(f"{folder} holds no pictures in subfolders that are called as the classes are: "
                       f"{', '.join(names[:5])}{note}")  # fmt: skip
    if whole.note:
        _log.warning("%s", whole.note)
    return found


def read_folder(folder: Path, spec: InputSpec, names: tuple[str, ...]) -> Split:
    """The pictures of `labelled_files` as the model reads them.

    Raises:
        BadInput: see there; or a picture can't be read, or they are too many to hold.
    """
    files = labelled_files(folder, names)
    if len(files) * spec.channels * spec.height * spec.width > MOST_PIXELS:
        raise BadInput(f"{folder} holds {len(files):,} pictures, too many to hold in memory; name a part of them")
    images = [read_picture(path, spec) for path, _ in files]
    return Split(np.stack(images), np.array([label for _, label in files], np.int64))


def read_picture(path: Path, spec: InputSpec) -> NDArray[np.uint8]:
    """The image that the model reads of a picture, uint8 `(channels, height, width)`.

    Raises:
        BadInput: it can't be read, or there's nothing on it to read.
    """
    preprocess = preprocess_for(spec)
    try:
        return prepare_picture(path, preprocess)[0][0].image
    except MnistxError as error:
        raise BadInput(str(error) if str(path) in str(error) else f"{path}: {error}") from error


def read_npz(path: Path, spec: InputSpec) -> Split:
    """The labelled images of an .npz file, such as arrays `images` and `labels`; see `read_part`. Where it tells
    training and test images apart, the latter.

    Raises:
        BadInput: the file isn't there, is damaged, or holds something else.
    """
    found = read_part(path, train=False)
    if found.images.shape[1:] != spec.shape:
        raise BadInput(
            f"{path} has images of {format_shape(found.images.shape[1:])}, the model takes {format_shape(spec.shape)}"
        )
    return found


def read_pictures(folder: Path, spec: InputSpec) -> NDArray[np.uint8]:
    """All the pictures in a folder, as the model reads them, whatever they show.

    Raises:
        BadInput: there is no such folder, it has no pictures, or one can't be read.
    """
    found = find_pictures(folder)
    if not found.pictures:
        raise BadInput(found.nothing_found if folder.is_dir() else f"{folder}: no such folder")
    return np.stack([read_picture(path, spec) for path in found.pictures[:64]])
