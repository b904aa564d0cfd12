import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from mnistx_train.errors import TrainError
from mnistx_train.run import begin
from mnistx_train.runs import (
    CHECKPOINT,
    CONFIG,
    RUNS,
    Config,
    last_finished,
    last_unfinished,
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


def test_a_new_run_takes_what_was_not_asked_for_from_the_recipe() -> None:
    folder, config = begin({}, None, resume=False)

    assert folder is None
    assert replace(config, versions={}, device="cpu", threads=1) == Config(
        "mnist", "report", 10, 64, 0.001, 0, "cpu", 1, "", {}
    )
    assert config.versions.keys() == {"python", "mnistx-train", "torch", "torchvision", "numpy"}
    assert config.versions["torch"].partition("+")[0] == torch.__version__.partition("+")[0]
    assert not RUNS.exists()


def test_a_new_run_takes_what_was_asked_for() -> None:
    asked = {"dataset": "digits", "epochs": 2, "batch_size": 7, "lr": 0.5, "seed": 9, "device": "cpu"}

    _, config = begin(asked, None, resume=False)

    assert {name: getattr(config, name) for name in asked} == asked


@pytest.mark.parametrize(("there", "device"), [(True, "cuda"), (False, "cpu")])
def test_auto_takes_cuda_where_there_is_one(monkeypatch: pytest.MonkeyPatch, there: bool, device: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)

    assert begin({}, None, resume=False)[1].device == device
    assert begin({"device": "auto"}, None, resume=False)[1].device == device
    assert begin({"device": "cpu"}, None, resume=False)[1].device == "cpu"


def test_cuda_is_refused_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    with pytest.raises(TrainError, match="no CUDA device here"):
        begin({"device": "cuda"}, None, resume=False)


def test_unknown_recipe_is_refused() -> None:
    with pytest.raises(TrainError, match="no recipe 'other'"):
        begin({"recipe": "other"}, None, resume=False)


@pytest.mark.parametrize("asked", [{}, {"dataset": "digits"}, {"epochs": 3, "lr": 0.001, "seed": 0, "device": "cpu"}])
@pytest.mark.parametrize("named", [True, False])
def test_a_run_goes_on_as_it_was_started(asked: dict[str, Any], named: bool) -> None:
    folder = started("001-a", at=10)

    assert begin(asked, folder if named else None, resume=True) == (folder, DIGITS)


def test_a_finished_run_does_not_go_on() -> None:
    folder = started("001-a", at=10, finished_at=20)

    with pytest.raises(TrainError, match=r"001-a is finished; there is nothing to go on with"):
        begin({}, folder, resume=True)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"dataset": "mnist"}, "was started with dataset digits; leave that out"),
        ({"recipe": "other"}, "was started with recipe report; leave that out"),
        ({"epochs": 4}, "was started with epochs 3; leave that out"),
        ({"batch_size": 65}, "was started with batch_size 64; leave that out"),
        ({"lr": 0.002}, "was started with lr 0.001; leave that out"),
        ({"seed": 1}, "was started with seed 0; leave that out"),
        ({"seed": 1, "epochs": 3, "lr": 1.0}, "was started with seed 0, lr 0.001; leave that out"),
    ],
)
def test_options_that_differ_are_refused_when_a_run_goes_on(asked: dict[str, Any], said: str) -> None:
    folder = started("001-a", at=10)
    before = (folder / CONFIG).read_bytes()

    with pytest.raises(TrainError, match=said):
        begin(asked, folder, resume=True)

    assert (folder / CONFIG).read_bytes() == before


def test_configuration_is_plain_json() -> None:
    folder = new_run(DIGITS, None)

    assert json.loads((folder / CONFIG).read_text())["versions"] == {"torch": "2"}
