"""Parquet files that name pictures, or hold them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnistx_runtime.errors import BadInput, describe_error
from mnistx_runtime.system.plain_file import require_plain

if TYPE_CHECKING:
    import pyarrow as pa

SUFFIX = ".parquet"

BYTES = ("bytes", "image.bytes")
"""Columns that hold pictures, as Ray Data and Hugging Face's data sets call them; else the only one of bytes does."""

PATHS = ("path", "image.path")
"""Columns that name pictures; else the only one of texts does."""

_READ = 16  # rows that are in memory at once


@dataclass(frozen=True)
class RowGroup:
    """Rows of a Parquet file, which are read together.

    Args:
        file: its path.
        column: that holds the pictures.
        group: which of the file's row groups.
        first: the row of the file with which it begins, from 0.
        rows: how many.
        answered: those that are answered already, counted in the group, from 0.
    """

    file: str
    column: str
    group: int
    first: int
    rows: int
    answered: frozenset[int] = frozenset()

    def __len__(self) -> int:
        """How many pictures are to be answered."""
        return self.rows - len(self.answered)

    def name(self, at: int) -> str:
        """What the picture in one of its rows is called: the file, and the row in it."""
        return f"{self.file}#{self.first + at}"


def read_table(path: Path) -> tuple[list[str], list[RowGroup]]:
    """The paths in a Parquet file, those that are relative beginning in its folder, or the rows that hold pictures.

    Args:
        path: of the file. A row without a path is named as the file and the row.

    Raises:
        BadInput: it can't be read, or doesn't say which column is meant.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(require_plain(path)) as file:
            column, holds_bytes = _find_column(file.schema_arrow, path)
            if holds_bytes:
                return [], _row_groups(file.metadata, str(path), column)
            names = file.read([column]).flatten().column(0).to_pylist()
    except FileNotFoundError as error:
        raise BadInput(f"{path}: no such file") from error
    except (OSError, pa.ArrowException) as error:
        raise BadInput(f"{path} can't be read as Parquet: {describe_error(error)}") from error
    return [str(path.parent / name) if name else f"{path}#{row}" for row, name in enumerate(names)], []


def _find_column(schema: "pa.Schema", path: Path) -> tuple[str, bool]:
    """The column that is meant, and whether it holds bytes."""
    import pyarrow as pa

    leaves = dict(_leaves(schema))
    kinds = (
        (BYTES, [name for name, kind in leaves.items() if pa.types.is_binary(kind) or pa.types.is_large_binary(kind)]),
        (PATHS, [name for name, kind in leaves.items() if pa.types.is_string(kind) or pa.types.is_large_string(kind)]),
    )
    for known, found in kinds:
        named = [name for name in known if name in found]
        if named or len(found) == 1:
            return (named or found)[0], known is BYTES
    columns = ", ".join(leaves)
    raise BadInput(f"{path}: which column is meant? 'bytes' holds pictures, 'path' names them; it has {columns}")


def _leaves(schema: "pa.Schema") -> Iterator[tuple[str, Any]]:
    """Its columns, and those inside a column, such as `image.bytes`."""
    import pyarrow as pa

    for field in schema:
        if pa.types.is_struct(field.type):
            yield from ((f"{field.name}.{inside.name}", inside.type) for inside in field.type)
        else:
            yield field.name, field.type


def _row_groups(metadata: Any, file: str, column: str) -> list[RowGroup]:
    found, first = [], 0
    for group in range(metadata.num_row_groups):
        rows = metadata.row_group(group).num_rows
        found.append(RowGroup(file, column, group, first, rows))
        first += rows
    return found


def read_rows(group: RowGroup) -> Iterator[tuple[str, bytes | None]]:
    """The names of the rows that are to be answered, and their bytes, None where a row has none.

    Raises:
        BadInput: the file can't be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    at = 0
    try:
        with pq.ParquetFile(group.file) as file:
            for batch in file.iter_batches(_READ, row_groups=[group.group], columns=[group.column]):
                (column,) = pa.Table.from_batches([batch]).flatten().columns
                for cell in column:
                    if at not in group.answered:
                        yield group.name(at), cell.as_py()
                    at += 1
    except (OSError, pa.ArrowException) as error:
        raise BadInput(f"{group.file} can't be read as Parquet: {describe_error(error)}") from error
