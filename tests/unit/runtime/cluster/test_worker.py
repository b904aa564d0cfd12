import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from command import PICTURES
from mnistx_runtime.answers import Mode, answer_values
from mnistx_runtime.cluster import worker
from mnistx_runtime.cluster.parquet import RowGroup
from mnistx_runtime.cluster.worker import (
    Work,
    Worker,
    failure,
    group_table,
    picture_table,
    raise_failure,
    read_group,
)
from mnistx_runtime.errors import BadInput, PredictionRefused
from mnistx_runtime.predictor import open_bundled

SEVEN = str(PICTURES / "seven.jpg")


def work(**other: Any) -> Work:
    usual: dict[str, Any] = {
        "artifact": open_bundled("ort"),
        "runtime": "ort",
        "many": False,
        "values": partial(answer_values, mode=Mode(False, 1, 0.5)),
        "roots": (str(PICTURES),),
        "folder": str(Path.cwd()),
    }
    return Work(**usual | other)


def one() -> int:
    return 1


@pytest.fixture(scope="module")
def usual() -> Iterator[Worker]:
    made = Worker(work(), one)
    yield made
    made._pool.close()


def answers(made: Worker, table: pa.Table) -> list[dict[str, Any]]:
    return [json.loads(text) for text in made(table)["values"].to_pylist()]


def test_files_and_contents_are_answered_in_a_process_of_their_own(usual: Worker) -> None:
    seven, none = answers(usual, picture_table([SEVEN, "no\udcff.png"]))
    assert seven["source"] == SEVEN and seven["label"] == 7
    assert none["source"] == "no\udcff.png" and none["exit_code"] == 2
    contents = [Path(SEVEN).read_bytes(), None, b"no picture"]
    seven, empty, other = answers(usual, picture_table(["a#0", "a#1", "a#2"], contents))
    assert seven["source"] == "a#0" and seven["label"] == 7
    assert empty["error"] == "a#1: the data is empty" and other["error"].startswith("a#2: the data is not a picture")
    assert usual._pool._pool is not None


def test_as_many_threads_and_processes_as_were_given(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    class Seen(Exception):
        """Loads nothing."""

    def load(artifact: Any, runtime: str, threads: int, **_: Any) -> None:
        seen.append(threads)
        raise Seen

    monkeypatch.setattr(worker, "Predictor", load)
    (said,) = answers(Worker(work(), lambda: 3), picture_table([SEVEN]))
    assert seen == [3] and "Seen" in said["failure"]


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"roots": ("/no/such/folder",)}, "doesn't see /no/such/folder"),
        ({"folder": "/no/such/folder"}, "doesn't see /no/such/folder"),
        ({"version": "0.0.0"}, "0.0.0 is asked for"),
        ({"runtime": "none"}, "unknown runtime 'none'"),
    ],
)
def test_what_a_machine_lacks_stops_the_call(other: dict[str, Any], why: str) -> None:
    (said,) = answers(Worker(work(**other), one), picture_table([SEVEN]))
    assert why in said["failure"]
    with pytest.raises(BadInput, match=why):
        raise_failure(said)


def test_what_memory_lacks_is_no_answer(usual: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usual._pool, "prepare", lambda sources: iter([OSError(12, "Cannot allocate memory")]))
    (said,) = answers(usual, picture_table([SEVEN]))
    assert said == {"failure": "Cannot allocate memory", "exit_code": 2}


def test_a_failure_keeps_its_exit_code() -> None:
    with pytest.raises(BadInput) as raised:
        raise_failure(failure(PredictionRefused("nothing on it")))
    assert raised.value.exit_code == 1
    raise_failure({"source": "a.png", "label": 7})


def test_rows_of_parquet_go_to_the_worker_and_so_does_a_file_that_can_not_be_read(
    usual: Worker, tmp_path: Path
) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"bytes": [Path(SEVEN).read_bytes(), b"x"]}), path)
    group = RowGroup(str(path), "bytes", 0, 0, 2, frozenset({1}))
    (table,) = read_group(group_table(group))
    (seven,) = answers(usual, table)
    assert seven["source"] == f"{path}#0" and seven["label"] == 7
    path.write_bytes(b"no table")
    (table,) = read_group(group_table(group))
    (said,) = answers(usual, table)
    assert "can't be read as Parquet" in said["failure"]
