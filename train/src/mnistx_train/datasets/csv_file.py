"""Images in a .csv file, one a line, as Kaggle has MNIST: the label, then the grey levels row by row."""

import warnings
from dataclasses import dataclass
from math import isqrt
from pathlib import Path
from typing import NoReturn

import numpy as np

from mnistx_runtime.input_spec import SIDES
from mnistx_runtime.system.plain_file import require_plain
from mnistx_train.datasets.arrays import MOST_BYTES, array_source
from mnistx_train.datasets.base import Source, Split
from mnistx_train.errors import TrainError, first_line

LABELS = ("label", "labels", "class", "target", "digit", "y")
"""What the column of the labels may be called, in small letters; without a line of headings it is the first."""

_MOST_LINE = 1 << 23  # characters: 1,024 x 1,024 numbers
_MOST_DIGITS = 1000  # what int() takes in any case; more are too large, but for zeros


@dataclass(frozen=True)
class _Columns:
    """What a file's first line says.

    Args:
        count: of the columns.
        label: that of the labels; None where there is none.
        headings: lines at the top that hold no image, 0 or 1.
    """

    count: int
    label: int | None
    headings: int

    @property
    def side(self) -> int:
        return isqrt(self.count - 1)


def csv_file(path: Path) -> Source:
    """The data set in a file, see `array_source`.

    Its test images are those of the file beside it that has "test" where this one has "train" in its name, if that has
    labels; else a share is kept apart.

    Raises:
        TrainError: the file can't be read, has no labels, or holds something else than square images.
    """
    beside = path.with_name(path.name.replace("train", "test"))
    has_test = beside != path and beside.is_file() and _columns(beside).label is not None
    parts = {True: read_csv(path)} | ({False: read_csv(beside)} if has_test else {})
    prefix = path.name.partition("train")[0] if "train" in path.name else path.stem
    return array_source(path, parts.__getitem__, has_test, prefix)


def read_csv(path: Path) -> Split:
    """The images in a file, `(N, 1, side, side)`, and their labels as they are there.

    Raises:
        TrainError: see `csv_file`.
    """
    columns = _columns(path)
    if columns.label is None:
        raise TrainError(
            f"{path} has no column called label, so nothing can be learned from it or measured on it (Kaggle's "
            "train.csv has one, its test.csv hasn't)"
        )
    if columns.side**2 != columns.count - 1 or columns.side not in SIDES:
        raise TrainError(
            f"{path} has {columns.count - 1:,} columns, with commas between them, beside the label: no square image of "
            f"{SIDES[0]} to {SIDES[-1]:,} pixels a side"
        )
    if path.stat().st_size > MOST_BYTES:
        raise TrainError(f"{path} has more than {MOST_BYTES >> 30} GiB; name a part of it")
    try:
        with path.open(encoding="utf-8-sig") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a file without a line, which is told below
            values = np.loadtxt(
                file, np.int16, delimiter=",", skiprows=columns.headings, ndmin=2, comments=None, quotechar='"'
            )
    except (ValueError, OverflowError):
        _name_first_fault(path, columns)
    except (OSError, MemoryError) as error:
        raise TrainError(f"{path} can't be read: {first_line(error)}") from error
    if values.shape[1] != columns.count:
        _name_first_fault(path, columns)
    images = np.delete(values, columns.label, axis=1)
    if not len(values) or images.min() < 0 or images.max() > 255:
        _name_first_fault(path, columns)
    shaped = images.astype(np.uint8).reshape(-1, 1, columns.side, columns.side)
    return Split(shaped, values[:, columns.label].astype(np.int64))


def _columns(path: Path) -> _Columns:
    try:
        with require_plain(path).open(encoding="utf-8-sig") as file:
            line = file.readline(_MOST_LINE)
    except (OSError, UnicodeDecodeError) as error:
        raise TrainError(f"{path} can't be read as text: {first_line(error)}") from error
    names = [name.strip().strip('"').lower() for name in line.split(",")]
    if all(_is_whole(name) for name in names):
        return _Columns(len(names), 0, 0)
    return _Columns(len(names), next((at for at, name in enumerate(names) if name in LABELS), None), 1)


def _name_first_fault(path: Path, columns: _Columns) -> NoReturn:
    """Raise a `TrainError` that names the first line that is no image, and why."""
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        for number, line in enumerate(file, 1):
            values = [value.strip().strip('"') for value in line.split(",")]
            if number <= columns.headings or values == [""]:
                continue
            if len(values) != columns.count:
                raise TrainError(f"{path}, line {number}: {len(values)} values, not {columns.count}")
            for at, value in enumerate(values):
                most, what = (999, "label") if at == columns.label else (255, "grey level")
                if not _is_whole(value) or not 0 <= int(value[:_MOST_DIGITS]) <= most:
                    where = f"line {number}, column {at + 1}"
                    raise TrainError(f"{path}, {where}: {value!r:.40} is no {what}, a whole number of 0 to {most}")
    raise TrainError(f"{path} holds no images")


def _is_whole(text: str) -> bool:
    return text.isascii() and text.removeprefix("-").isdigit()
