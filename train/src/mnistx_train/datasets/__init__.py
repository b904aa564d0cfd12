"""Where images and labels come from: one table, and the split that keeps the test images apart."""

from dataclasses import replace
from pathlib import Path

from mnistx_runtime.input_spec import InputSpec
from mnistx_runtime.registry import look_up
from mnistx_train.datasets.base import DIGITS, Source, Split, TrainingData, format_shape, picture_spec
from mnistx_train.datasets.split import stratified
from mnistx_train.errors import NotAtHand, TrainError

__all__ = [
    "DIGITS",
    "SOURCES",
    "Source",
    "Split",
    "TrainingData",
    "format_shape",
    "is_folder",
    "picture_spec",
    "source",
    "stratified",
    "training_data",
]

SOURCES = {
    "mnist": "mnistx_train.datasets.published:mnist",
    "fashion-mnist": "mnistx_train.datasets.published:fashion_mnist",
    "kmnist": "mnistx_train.datasets.published:kmnist",
    "digits": "mnistx_train.datasets.digits:digits",
}

VALIDATION_SHARE = 1 / 12
"""Of the training images: 5,000 of MNIST's 60,000."""

_LONGEST_NAME = 255  # bytes of a file name; asking for a longer one is an OSError


def source(name: str, data_dir: Path | None = None, download: bool = True, spec: InputSpec | None = None) -> Source:
    """Find a data set.

    Args:
        name: a name in `SOURCES`, or the path of a folder with IDX files or with one subfolder a class.
        data_dir: where the published sets lie; without it MNISTX_DATA, then the cache folder, then a download.
        download: whether a published set that isn't at hand may be downloaded.
        spec: what the pictures of a folder become, such as `picture_spec` or a checkpoint's card gives it; None for
            28x28 images of digits. Every other set must have images of its shape already.

    Raises:
        TrainError: there's no such set or folder, or its images have another shape.
    """
    if name in SOURCES:
        found: Source = look_up(SOURCES, name, "data set")(data_dir, download)
    elif not is_folder(name):
        raise NotAtHand(f"no data set {name!r}: neither a folder nor one of {', '.join(SOURCES)}")
    else:
        from mnistx_train.datasets.folder import picture_folder
        from mnistx_train.datasets.idx import idx_folder, is_idx_folder

        if not is_idx_folder(Path(name)):
            return picture_folder(Path(name), spec)
        found = idx_folder(Path(name))
    if spec is not None and spec.shape != found.spec.shape:
        raise TrainError(f"{name} has images of {format_shape(found.spec.shape)}, not of {format_shape(spec.shape)}")
    return found


def is_folder(name: str) -> bool:
    """Whether a data set's name is the path of a folder."""
    return bool(name) and len(Path(name).name) <= _LONGEST_NAME and Path(name).is_dir()


def training_data(origin: Source) -> TrainingData:
    """Read the training images, measure them and split them, by class, into training and validation.

    Raises:
        TrainError: they can't be read, are blank, or a class has too few of them.
    """
    from mnistx_train.datasets.stats import pixel_stats

    whole = origin.read(True)
    stats = pixel_stats(whole.images)
    mean, std = (tuple(round(value, 4) for value in values) for values in (stats.mean, stats.std))
    if not any(std):
        raise TrainError(f"all training images of {origin.name} are of one brightness; there's nothing to learn from")
    spec = replace(origin.spec, mean=mean, std=tuple(value or 1.0 for value in std))  # a channel may be empty
    training, validation = stratified(whole, VALIDATION_SHARE)
    return TrainingData(training, validation, spec, origin.names)
