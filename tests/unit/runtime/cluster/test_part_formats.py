import csv
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mnistx_runtime.cluster.part_formats import PART_FORMATS
from mnistx_runtime.record_formats import COLUMNS

MADE_BY = "mnistx-answers-1 model=0"
ANSWERS: list[dict[str, Any]] = [
    {"source": "a.png", "label": 7, "name": "7", "probability": 0.25, "box": [1, 2, 3, 4], "elapsed_ms": 1.5},
    {
        "source": "=b\n\udcff.png",
        "text": "42",
        "digits": [{"label": 4, "name": "4", "probability": 1.0, "box": [0, 0, 9, 9], "line": 0},
                   {"label": 2, "name": "2", "probability": 0.5, "box": [9, 0, 19, 9], "line": 0}],
    },
    {"source": "c.png", "error": "c.png: no such file", "exit_code": 2},
]  # fmt: skip


@pytest.mark.parametrize("suffix", PART_FORMATS)
def test_what_is_written_is_read_again(suffix: str, tmp_path: Path) -> None:
    part = tmp_path / f"part{suffix}"
    part.write_bytes(PART_FORMATS[suffix].dump(ANSWERS, MADE_BY))
    rows = [*PART_FORMATS[suffix].read(part)]
    assert [(row.number, row.count, row.exit_code) for row in rows] == [(1, 1, 0), (1, 2, 0), (2, 2, 0), (1, 1, 2)]
    assert {row.made_by for row in rows} == {MADE_BY}
    assert rows[0].source == "a.png" and rows[1].source.removeprefix("./") == "=b\\x0a\\xff.png"


def test_both_hold_the_same_rows(tmp_path: Path) -> None:
    for suffix, form in PART_FORMATS.items():
        (tmp_path / f"part{suffix}").write_bytes(form.dump(ANSWERS, MADE_BY))
    with (tmp_path / "part.csv").open(newline="") as file:
        texts = list(csv.DictReader(file))
    table = pq.read_table(tmp_path / "part.parquet")
    assert tuple(table.column_names) == COLUMNS and table.schema.field("probability").type == pa.float64()
    for text, typed in zip(texts, table.to_pylist(), strict=True):
        assert {name: "" if cell is None else str(cell) for name, cell in typed.items() if name != "source"} == {
            name: cell for name, cell in text.items() if name != "source"
        }


@pytest.mark.parametrize("suffix", PART_FORMATS)
@pytest.mark.parametrize("data", [b"", b"a,b\n1,2\n", b"PAR1 and no more"])
def test_another_file_is_told(suffix: str, data: bytes, tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(data)
    with pytest.raises(ValueError):
        list(PART_FORMATS[suffix].read(tmp_path / "other"))


@pytest.mark.parametrize("suffix", PART_FORMATS)
def test_a_part_that_is_cut_off_is_told(suffix: str, tmp_path: Path) -> None:
    whole = PART_FORMATS[suffix].dump(ANSWERS, MADE_BY)
    (tmp_path / "part").write_bytes(whole[:-9])
    with pytest.raises(ValueError):
        list(PART_FORMATS[suffix].read(tmp_path / "part"))
