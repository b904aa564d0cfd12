from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mnistx_runtime.cluster.pictures import find_all
from mnistx_runtime.errors import BadInput
from mnistx_runtime.records import source_key


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    for name in ("a.png", "b.png", "c.heic"):
        (tmp_path / "in" / name).touch()
    (tmp_path / "tables" / "deep").mkdir(parents=True)
    pq.write_table(pa.table({"bytes": [b"1", b"2", b"3"]}), tmp_path / "tables" / "deep" / "x.parquet")
    pq.write_table(pa.table({"path": ["a.png", "a.png"]}), tmp_path / "tables" / "y.parquet")
    return tmp_path


def test_files_folders_and_tables_are_found_and_each_picture_counts_once(folder: Path) -> None:
    told: list[str] = []
    names = [str(folder / "in"), str(folder / "in" / "." / "a.png"), str(folder / "tables"), "none.png"]
    found = find_all(names, told.append)
    assert found.files == (
        str(folder / "in" / "a.png"),
        str(folder / "in" / "b.png"),
        str(folder / "tables" / "a.png"),
        "none.png",
    )
    assert len(found) == 7 and len(found.groups) == 1
    assert len(told) == 1 and "c.heic" in told[0]


def test_what_is_answered_is_left_out(folder: Path) -> None:
    found = find_all([str(folder / "in"), str(folder / "tables")], print)
    rows = [found.groups[0].name(at) for at in range(3)]
    left = found.without({source_key(found.files[0]), source_key(rows[1])})
    assert left.files == found.files[1:] and left.groups[0].answered == {1}
    assert not len(left.without({source_key(name) for name in (*found.files, *rows)}))


def test_an_empty_folder_stays_to_be_complained_of(tmp_path: Path) -> None:
    assert find_all([str(tmp_path)], print).files == (str(tmp_path),)


def test_standard_input_is_for_this_machine(folder: Path) -> None:
    with pytest.raises(BadInput, match="standard input"):
        find_all(["-"], print)
