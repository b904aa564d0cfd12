from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mnistx_runtime.cluster.parquet import RowGroup, read_rows, read_table
from mnistx_runtime.errors import BadInput

CONTENTS = [b"one", b"two", None, b"", b"five"]


def table(place: Path, rows: int = 2, **columns: Any) -> Path:
    pq.write_table(pa.table(columns), place, row_group_size=rows)
    return place


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary()])
@pytest.mark.parametrize("column", ["bytes", "image", "image.bytes"])
def test_rows_that_hold_pictures_are_named_by_their_number(column: str, kind: pa.DataType, tmp_path: Path) -> None:
    cells = pa.array(CONTENTS, kind)
    if column == "image.bytes":  # as Hugging Face keeps pictures
        cells = pa.StructArray.from_arrays([cells, pa.array([f"{at}.png" for at in range(5)])], names=["bytes", "path"])
    path = table(tmp_path / "a.parquet", label=range(5), **{column.partition(".")[0]: cells})
    names, groups = read_table(path)
    assert names == [] and [len(group) for group in groups] == [2, 2, 1]
    found = [row for group in groups for row in read_rows(group)]
    assert found == [(f"{path}#{at}", content) for at, content in enumerate(CONTENTS)]


def test_rows_that_are_answered_are_left_out(tmp_path: Path) -> None:
    path = table(tmp_path / "a.parquet", 5, bytes=CONTENTS)
    group = RowGroup(str(path), "bytes", 0, 0, 5, frozenset({0, 3}))
    assert len(group) == 3 and [name for name, _ in read_rows(group)] == [f"{path}#{at}" for at in (1, 2, 4)]


@pytest.mark.parametrize("column", ["path", "file"])
def test_paths_begin_in_the_folder_of_the_file(column: str, tmp_path: Path) -> None:
    columns: dict[str, Any] = {column: ["in/a.png", "/b.png", None]}
    path = table(tmp_path / "a.parquet", **columns)
    assert read_table(path) == ([str(tmp_path / "in/a.png"), "/b.png", f"{path}#2"], [])


def test_of_both_the_bytes_are_read(tmp_path: Path) -> None:
    path = table(tmp_path / "a.parquet", path=["x", "y"], bytes=[b"one", b"two"])
    assert len(read_table(path)[1]) == 1


@pytest.mark.parametrize("columns", [{"a": ["x"], "b": ["y"]}, {"label": [1]}])
def test_columns_that_do_not_say_which_is_meant_are_told(columns: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=f"which column is meant.*it has {', '.join(columns)}"):
        read_table(table(tmp_path / "a.parquet", **columns))


@pytest.mark.parametrize("data", [None, b"", b"PAR1", b"no table" * 9])
def test_what_is_no_parquet_is_told_in_a_line(data: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(BadInput, match=f"^{path}"):
        read_table(path)


def test_a_damaged_page_is_told_when_it_is_read(tmp_path: Path) -> None:
    path = table(tmp_path / "a.parquet", 5, bytes=[bytes(range(200)) * 50] * 5)
    _, (group,) = read_table(path)
    data = bytearray(path.read_bytes())
    data[4:200] = b"\xff" * 196
    path.write_bytes(bytes(data))
    with pytest.raises(BadInput, match="can't be read as Parquet"):
        list(read_rows(group))
