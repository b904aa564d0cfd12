import json
import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from mnistx_runtime.system.files import writable_folder
from mnistx_runtime.system.temporary import temporary_path
from mnistx_train import runs
from mnistx_train.errors import TrainError
from mnistx_train.runs import (
    CHECKPOINT,
    CONFIG,
    LOCK,
    RUNS,
    STATE,
    Config,
    is_finished,
    last_finished,
    last_unfinished,
    locked,
    new_run,
    read_config,
)

DIGITS = Config(
    dataset="digits",
    recipe="report",
    epochs=3,
    batch_size=64,
    lr=0.001,
    seed=0,
    device="cpu",
    threads=2,
    data_sha256="",
    versions={"torch": "2"},
)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run folders lie below the working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def started(name: str, at: int, finished_at: int | None = None) -> Path:
    folder = new_run(DIGITS, RUNS / name)
    os.utime(folder / CONFIG, (at, at))
    if finished_at is not None:
        (folder / CHECKPOINT).write_bytes(b"x")
        os.utime(folder / CHECKPOINT, (finished_at, finished_at))
    return folder


def test_runs_are_numbered_in_turn() -> None:
    assert [new_run(DIGITS, None) for _ in range(3)] == [RUNS / f"00{n}-digits-report" for n in (1, 2, 3)]


@pytest.mark.parametrize(
    ("taken", "number"),
    [
        (["007-other-recipe"], "008"),
        (["002-a-b", "010-a-b", "009-a-b"], "011"),
        (["999-a-b"], "1000"),
        (["notes", "12", "x5-a"], "001"),
    ],
)
def test_the_next_number_follows_the_highest(taken: list[str], number: str) -> None:
    for name in taken:
        (RUNS / name).mkdir(parents=True)

    assert new_run(DIGITS, None).name == f"{number}-digits-report"


def test_calls_at_once_get_a_folder_each(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = iter([1, 1, 2, 2, 2, 3])  # as calls see them that look before others have made theirs
    monkeypatch.setattr(runs, "_next_number", lambda: next(numbers))
    assert [new_run(DIGITS, None).name[:3] for _ in range(3)] == ["001", "002", "003"]


def test_of_two_calls_for_one_folder_the_second_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write_first(folder: Path) -> Path:
        monkeypatch.setattr(runs, "writable_folder", writable_folder)
        new_run(DIGITS, folder)
        return folder

    monkeypatch.setattr(runs, "writable_folder", write_first)  # after the second looked, and before it wrote
    with pytest.raises(TrainError, match="out exists; name another --out"):
        new_run(replace(DIGITS, epochs=7), tmp_path / "out")
    assert read_config(tmp_path / "out") == DIGITS


def test_a_run_on_a_folder_is_called_like_it(tmp_path: Path) -> None:
    config = replace(DIGITS, dataset=str(tmp_path / "my letters"))

    assert new_run(config, None).name == "001-my letters-report"


@pytest.mark.parametrize("out", [None, Path("elsewhere/deep")])
def test_a_run_remembers_its_configuration(out: Path | None) -> None:
    folder = new_run(DIGITS, out)

    assert out is None or folder == out
    assert [path.name for path in folder.iterdir()] == [CONFIG]
    assert read_config(folder) == DIGITS


def test_an_empty_folder_may_be_used(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()

    assert new_run(DIGITS, tmp_path / "out") == tmp_path / "out"


def test_a_folder_with_something_in_it_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("mine")

    with pytest.raises(TrainError, match=r"out exists; name another --out, or go on with its run: --resume --out"):
        new_run(DIGITS, tmp_path / "out")

    assert [path.name for path in (tmp_path / "out").iterdir()] == ["thesis.txt"]


def test_a_file_is_no_run_folder(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")

    with pytest.raises(TrainError, match="out exists"):
        new_run(DIGITS, tmp_path / "out")

    assert (tmp_path / "out").read_text() == "mine"


@pytest.mark.parametrize("text", [None, "", "{", "[]", "3", "null", "{}", '{"dataset": "digits"}', '{"extra": 1}'])
def test_a_folder_without_a_configuration_holds_no_run(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / CONFIG).write_text(text)

    with pytest.raises(TrainError, match="no run to go on with in"):
        read_config(tmp_path)


def test_a_configuration_that_is_no_text_holds_no_run(tmp_path: Path) -> None:
    (tmp_path / CONFIG).write_bytes(b"\xff\xfe\x00")

    with pytest.raises(TrainError, match="no run to go on with in"):
        read_config(tmp_path)


NO_TEXTS: tuple[Any, ...] = (None, 3, ["a"], {})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            (name, value)
            for name in ("epochs", "batch_size", "threads")
            for value in (0, -1, 1e99, "3", None, True, [1])
        ),
        ("threads", 100_000),
        ("seed", 2**32),
        ("seed", -1),
        *(("lr", value) for value in (0, -1, float("nan"), float("inf"), "0.1", None, 1e9)),
        *((name, value) for name in ("dataset", "recipe", "network", "data_sha256") for value in NO_TEXTS),
        ("dataset", "a\0b"),
        ("recipe", "\x1b[31m"),
        ("device", "tpu"),
        ("device", ["cpu"]),
        ("versions", ["2"]),
        ("versions", {"torch": 2}),
        *((name, value) for name in ("height", "width") for value in (7, 1025, "28", 28.5, 10**400)),
        ("channels", 2),
    ],
)
def test_a_configuration_out_of_bounds_is_one_line(tmp_path: Path, name: str, value: object) -> None:
    (tmp_path / CONFIG).write_text(json.dumps(asdict(DIGITS) | {name: value}))

    with pytest.raises(TrainError, match=f"no run to go on with in .*run.json: it says {name} ") as caught:
        read_config(tmp_path)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300


def test_a_configuration_nested_deep_or_endless_is_one_line(tmp_path: Path) -> None:
    for text in ("[" * 100_000, '{"epochs": ' + "9" * 5000 + "}", " " * (1 << 21)):
        (tmp_path / CONFIG).write_text(text)
        with pytest.raises(TrainError, match="no run to go on with in"):
            read_config(tmp_path)


def test_a_file_is_no_run(tmp_path: Path) -> None:
    (tmp_path / "model.pt").write_bytes(b"x")
    with pytest.raises(TrainError, match=r"model\.pt: a file, where a run is a folder; name that with --out"):
        read_config(tmp_path / "model.pt")


def test_no_run_is_finished_at_first() -> None:
    assert last_finished() is None
    started("001-a", at=10)
    assert last_finished() is None


@pytest.mark.parametrize("latest", ["001-a", "002-b", "003-c"])
def test_the_last_finished_run_is_the_one_finished_last(latest: str) -> None:
    for at, name in enumerate(["003-c", "001-a", "002-b"], 10):
        started(name, at=at, finished_at=99 if name == latest else 50)
    started("004-d", at=100)

    assert last_finished() == RUNS / latest / CHECKPOINT


@pytest.mark.parametrize("latest", ["001-a", "002-b", "003-c"])
def test_the_last_unfinished_run_is_the_one_started_last(latest: str) -> None:
    for name in ("003-c", "001-a", "002-b"):
        started(name, at=30 if name == latest else 10)
    started("004-d", at=40, finished_at=50)

    assert last_unfinished() == RUNS / latest


def test_without_an_unfinished_run_there_is_nothing_to_go_on_with() -> None:
    with pytest.raises(TrainError, match="no unfinished run under"):
        last_unfinished()
    started("001-a", at=10, finished_at=20)
    with pytest.raises(TrainError, match="no unfinished run under"):
        last_unfinished()


def test_configuration_is_plain_json() -> None:
    folder = new_run(DIGITS, None)

    assert json.loads((folder / CONFIG).read_text())["versions"] == {"torch": "2"}


def test_a_configuration_of_an_older_version_is_read(tmp_path: Path) -> None:
    later = ("network_sha256", "height", "width", "channels")
    values = {name: value for name, value in asdict(DIGITS).items() if name not in later}
    (tmp_path / CONFIG).write_text(json.dumps(values))

    assert read_config(tmp_path) == DIGITS


def test_a_run_is_kept_to_one_process_and_swept_out(tmp_path: Path) -> None:
    folder = new_run(DIGITS, tmp_path / "out")
    temporary_path(folder).touch()
    with locked(folder):
        assert {path.name for path in folder.iterdir()} == {CONFIG, LOCK}
        with pytest.raises(TrainError, match="another process is training"), locked(folder):
            pass


def test_a_run_is_finished_once_its_state_is_gone(tmp_path: Path) -> None:
    folder = started("001-a", at=10, finished_at=20)
    assert is_finished(folder)
    (folder / STATE).touch()
    assert not is_finished(folder)
