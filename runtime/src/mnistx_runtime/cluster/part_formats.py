"""The two kinds of files that a folder of answers is made of, Parquet and CSV: the same rows in both."""

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mnistx_runtime.errors import describe_error
from mnistx_runtime.record_formats import COLUMNS, FORMATS, Row, Values, rows_of

_CSV = FORMATS[".csv"]
_TEXTS = ("source", "name", "error", "made_by")


@dataclass(frozen=True)
class PartFormat:
    """A kind of file.

    Args:
        dump: a file's bytes, of some answers, as `to_dict` gives them with their source, or errors; what made them.
        read: what a file's rows say. Raises ValueError, KeyError or TypeError where it is no such file.
    """

    dump: Callable[[Sequence[Values], str], bytes]
    read: Callable[[Path], Iterator[Row]]


def _dump_csv(answers: Sequence[Values], made_by: str) -> bytes:
    return _CSV.head + b"".join(_CSV.dump(values, made_by) for values in answers)


def _read_csv(path: Path) -> Iterator[Row]:
    data = path.read_bytes()
    if not data.startswith(_CSV.head) or not data.endswith(b"\n"):
        raise ValueError(f"{path.name} isn't whole")
    for line in data[len(_CSV.head) :].decode().splitlines():
        yield _CSV.parse(line)


def _dump_parquet(answers: Sequence[Values], made_by: str) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {name: pa.string() if name in _TEXTS else pa.int32() for name in COLUMNS} | {"probability": pa.float64()}
    rows = [row for values in answers for row in rows_of(values, made_by)]
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, pa.schema(list(kinds.items()))), file, compression="zstd")
    return file.getvalue()


def _read_parquet(path: Path) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = ["source", "row", "rows", "exit_code", "made_by"]
    try:
        with pq.ParquetFile(path) as file:
            table = file.read(names)
    except pa.ArrowException as error:
        raise ValueError(f"{path.name}: {describe_error(error)}") from error
    for row in table.to_pylist():
        values: list[Any] = [row[name] for name in names]
        yield Row(values[0], values[1], values[2], values[3] or 0, values[4])


PART_FORMATS = {".parquet": PartFormat(_dump_parquet, _read_parquet), ".csv": PartFormat(_dump_csv, _read_csv)}
"""By the ending of a folder's name; a folder without one holds Parquet."""
