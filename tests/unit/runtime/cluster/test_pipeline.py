from collections.abc import Iterator
from typing import Any

import pytest
from ray.exceptions import RayError, WorkerCrashedError

from mnistx_runtime.cluster import pipeline
from mnistx_runtime.cluster.parquet import RowGroup
from mnistx_runtime.cluster.pictures import Pictures
from mnistx_runtime.cluster.pipeline import MOST_FAILURES, answer_pictures
from mnistx_runtime.errors import BadInput

PICTURES = Pictures(("a.png", "b.png", "c.png"), (RowGroup("t.parquet", "bytes", 0, 0, 2),))
NAMES = {"a.png", "b.png", "c.png", "t.parquet#0", "t.parquet#1"}


def sources_of(pictures: Pictures) -> list[str]:
    rows = [group.name(at) for group in pictures.groups for at in range(group.rows) if at not in group.answered]
    return [*pictures.files, *rows]


def runs_that(monkeypatch: pytest.MonkeyPatch, *ends: list[Any]) -> list[list[str]]:
    """Let each attempt give what a list of names and errors says, and return what each was asked for."""
    asked: list[list[str]] = []
    waiting = iter(ends)

    def run(pictures: Pictures, work: Any, actors: int | None) -> Iterator[dict[str, Any]]:
        asked.append(sources_of(pictures))
        for each in next(waiting):
            if isinstance(each, Exception):
                raise each
            yield {"source": each} if isinstance(each, str) else each

    monkeypatch.setattr(pipeline, "_run", run)
    return asked


def answers() -> list[str]:
    work: Any = None
    return [values["source"] for values in answer_pictures(PICTURES, work)]


def test_what_is_lost_is_sent_again_and_what_comes_twice_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = runs_that(
        monkeypatch,
        ["a.png", "t.parquet#1", WorkerCrashedError()],
        ["b.png", "b.png", "./a.png", "c.png"],
        ["t.parquet#0"],
    )
    found = answers()
    assert sorted(found) == sorted(NAMES) and len(found) == len(NAMES)
    assert asked[1] == ["b.png", "c.png", "t.parquet#0"] and asked[2] == ["t.parquet#0"]


def test_workers_that_end_again_and_again_end_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    ends: list[list[Any]] = [[WorkerCrashedError()]] * (MOST_FAILURES - 1)
    asked = runs_that(monkeypatch, *ends, ["a.png", RayError("lost")], *ends, [RayError("node died")])
    with pytest.raises(BadInput, match=f"workers ended {MOST_FAILURES} times without an answer: node died"):
        answers()
    assert len(asked) == 2 * MOST_FAILURES


def test_an_attempt_that_gives_nothing_counts_as_one_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    runs_that(monkeypatch, *[[]] * MOST_FAILURES)
    with pytest.raises(BadInput, match="no worker answered"):
        answers()


def test_what_a_worker_says_is_wrong_ends_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = runs_that(monkeypatch, ["a.png", {"failure": "x.parquet can't be read", "exit_code": 2}])
    with pytest.raises(BadInput, match="can't be read"):
        answers()
    assert len(asked) == 1


def test_a_fault_of_ours_is_no_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    runs_that(monkeypatch, [ValueError("ours")])
    with pytest.raises(ValueError, match="ours"):
        answers()


@pytest.mark.parametrize("count", [1, 64, 65, 640, 64 * 4096 + 1])
def test_names_travel_in_whole_batches(count: int) -> None:
    tables = pipeline._name_tables(tuple(map(str, range(count))))
    assert sum(table.num_rows for table in tables) == count and len(tables) <= 4096
    assert all(table.num_rows % 64 == 0 for table in tables[:-1])
