"""Where images and labels come from: one table, and the split that keeps the test images apart."""

from dataclasses import replace
from pathlib import Path

from mnistx_runtime.input_spec import InputSpec
from mnistx_runtime.registry import look_up
from mnistx_train.datasets.base import DIGITS, Source, Split, TrainingData, format_shape, picture_spec
from mnistx_train.datasets.polarity import bright_on_dark
from mnistx_train.datasets.split import stratified
from mnistx_train.errors import NotAtHand, TrainError

__all__ = [
    "DIGITS",
    "SOURCES",
    "Source",
    "Split",
    "TrainingData",
    "format_shape",
    "is_path",
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

FILES = {
    ".csv": "mnistx_train.datasets.csv_file:csv_file",
    ".npz": "mnistx_train.datasets.npz_file:npz_file",
}
"""What reads a user's own file, by its ending."""

VALIDATION_SHARE = 1 / 12
"""Of the training images: 5,000 of MNIST's 60,000."""

_PACKED = (".zip", ".tar", ".gz", ".tgz", ".7z", ".rar", ".bz2", ".xz")


def source(name: str, data_dir: Path | None = None, download: bool = True, spec: InputSpec | None = None) -> Source:
    """Find a data set.

    Args:
        name: a name in `SOURCES`, or the path of a folder with IDX files or with one subfolder a class, of a .csv or
            .npz file, or of the training images of several IDX sets in a folder.
        data_dir: where the published sets lie; without it MNISTX_DATA, then the cache folder, then a download.
        download: whether a published set that isn't at hand may be downloaded.
        spec: what the pictures of a folder become, such as `picture_spec` or a checkpoint's card gives it; None for
            28x28 images of digits. Every other set must have images of its shape already.

    Raises:
        TrainError: there's no such set, file or folder, or its images have another shape.
    """
    if name in SOURCES:
        found: Source = look_up(SOURCES, name, "data set")(data_dir, download)
    elif not is_path(name):
        raise NotAtHand(f"no data set {name!r}: neither a folder or file nor one of {', '.join(SOURCES)}")
    elif Path(name).is_dir():
        from mnistx_train.datasets.folder import picture_folder
        from mnistx_train.datasets.idx import idx_folder, prefixes

        if not prefixes(Path(name)):
            return picture_folder(Path(name), spec)
        found = idx_folder(Path(name))
    else:
        found = _file(Path(name))
    if spec is not None and spec.shape != found.spec.shape:
        raise TrainError(f"{name} has images of {format_shape(found.spec.shape)}, not of {format_shape(spec.shape)}")
    return replace(found, read=bright_on_dark(found)) if found.spec.preprocess == "mnist-digit" else found


def _file(path: Path) -> Source:
    from mnistx_train.datasets.idx import idx_file

    found = idx_file(path)
    if found is None and path.suffix.lower() in FILES:
        found = look_up(FILES, path.suffix.lower(), "kind of file")(path)
    if found is None:
        hint = "; unpack it first" if path.suffix.lower() in _PACKED else ""
        raise TrainError(
            f"{path} is no data set that is read here{hint}; name a folder of pictures or of IDX files, or a .csv or "
            ".npz file"
        )
    return found


def is_path(name: str) -> bool:
    """Whether a data set's name is the path of a folder or file."""
    try:
        return bool(name) and Path(name).exists()
    except (OSError, ValueError):  # longer than a name may be, or with a NUL in it
        return False


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
    training, validation = stratified(whole, VALIDATION_SHARE, origin.names)
    return TrainingData(training, validation, spec, origin.names)
