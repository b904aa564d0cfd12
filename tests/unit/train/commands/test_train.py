import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result

from command import mnistx
from mnistx_train.checkpoint import load_checkpoint
from mnistx_train.datasets import Split, digits
from mnistx_train.recipes import RECIPES
from mnistx_train.reporting import figures
from sets import idx_bytes, write_idx_folder


def refused(result: Result) -> str:
    """The one line in which a command was refused."""
    assert result.exit_code == 2
    assert isinstance(result.exception, SystemExit)
    assert result.stdout == ""
    line = result.stderr.splitlines()[-1]
    assert line.startswith("Error: ")
    return line


def few(count: int) -> Split:
    """As many images of each digit."""
    whole = digits._read()
    picked = np.concatenate([np.flatnonzero(whole.labels == label)[:count] for label in range(10)])
    return whole.at(np.sort(picked))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Digits of which there are few, and reports without figures."""
    split = few(8)
    monkeypatch.setattr(digits, "_read", lambda: split)
    for figure in ("curves", "confusion", "per_class", "calibration", "misclassified"):
        monkeypatch.setattr(figures, figure, lambda *_: b"\x89PNG\r\n\x1a\n")


def test_unknown_data_set_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert "no data set 'minst'" in refused(mnistx("train", "--dataset", "minst"))
    assert not list(tmp_path.iterdir())


def test_data_dir_without_the_set_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert "holds no MNIST/raw/" in refused(mnistx("train", "--dataset", "mnist", "--data-dir", tmp_path))
    assert not list(tmp_path.iterdir())


def train(out: Path, *more: str) -> Result:
    return mnistx("train", "--dataset", "digits", "--device", "cpu", "--batch-size", "16", "--out", out, *more)


@pytest.mark.usefixtures("quick")
def test_train_prints_json_lines(tmp_path: Path) -> None:
    result = train(tmp_path / "run", "--epochs", "2", "--lr", "0.002", "--seed", "7", "--json")

    assert result.exit_code == 0
    *epochs, last = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["epoch"]["number"] for line in epochs] == [1, 2]
    assert last["checkpoint"] == str(tmp_path / "run" / "model.safetensors")
    card = load_checkpoint(Path(last["checkpoint"]))[1]
    assert (card.dataset, card.recipe, card.epochs, card.batch_size) == ("digits", "report", 2, 16)
    assert (card.lr, card.seed, card.test_accuracy) == (0.002, 7, last["test_accuracy"])


@pytest.mark.usefixtures("quick")
def test_train_repeats_itself_with_the_same_seed_only(tmp_path: Path) -> None:
    for name, seed in (("default", []), ("zero", ["--seed", "0"]), ("one", ["--seed", "1"])):
        assert train(tmp_path / name, "--epochs", "1", *seed).exit_code == 0

    default, zero, one = ((tmp_path / n / "model.safetensors").read_bytes() for n in ("default", "zero", "one"))
    assert default == zero
    assert default != one


@pytest.mark.usefixtures("quick")
def test_train_numbers_its_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    result = mnistx("train", "--dataset", "digits", "--epochs", "1", "--device", "cpu")

    assert result.exit_code == 0
    assert (tmp_path / "artifacts" / "runs" / "001-digits-report" / "model.safetensors").is_file()


@pytest.mark.usefixtures("quick")
def test_train_refuses_to_overwrite_or_to_go_on_with_a_finished_run(tmp_path: Path) -> None:
    assert train(tmp_path / "run", "--epochs", "1").exit_code == 0
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}

    assert "exists; name another --out" in refused(train(tmp_path / "run", "--epochs", "1"))
    assert "is finished" in refused(mnistx("train", "--resume", "--out", tmp_path / "run"))
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()} == before


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--recipe", "none"], "unknown recipe 'none'; known: report"),
        (["--network", "none"], "unknown network 'none'; known: report"),
        (["--recipe", "fats"], "did you mean 'fast'?"),
        (["--network", "net.py"], "write FILE.py:FACTORY"),
        (["--size", "0"], "--size"),
        (["--size", "7x96"], "8 to 1024 pixels each"),
        (["--size", "96x"], "is no size; write 96, or 40x48 for height x width"),
        (["--size", "96x96x3"], "--size"),
        (["--channels", "2"], "--channels"),
        (["--epochs", "0"], "--epochs"),
        (["--epochs", "many"], "--epochs"),
        (["--batch-size", "0"], "--batch-size"),
        (["--lr", "0"], "--lr"),
        (["--lr", "-1"], "--lr"),
        (["--lr", "nan"], "--lr"),
        (["--lr", "inf"], "--lr"),
        (["--seed", "-1"], "--seed"),
        (["--seed", str(2**64)], "--seed"),
        (["--device", "abacus"], "--device"),
        (["--resume"], "no run to go on with"),
    ],
)
def test_train_refuses_what_it_cannot_use_and_makes_nothing(tmp_path: Path, args: list[str], said: str) -> None:
    assert said in refused(mnistx("train", "--dataset", "digits", "--out", tmp_path / "run", *args))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("below", ["file", "file/run", "file/run/deep"])
def test_train_below_a_file_is_refused_and_makes_nothing(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_bytes(b"x")

    line = refused(
        mnistx("train", "--dataset", "digits", "--epochs", "1", "--device", "cpu", "--out", tmp_path / below)
    )

    assert str(tmp_path / below) in line
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_bytes() == b"x"


def test_resume_without_a_run_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert "no unfinished run under" in refused(mnistx("train", "--resume"))


def start(*args: str | Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "mnistx_runtime", "train", *map(str, args)]
    pipes: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"}, **pipes)


@pytest.mark.minutes
@pytest.mark.slow
@pytest.mark.parametrize("recipe", [name for name in RECIPES if name != "fonts"])  # which needs what isn't there
def test_a_killed_run_goes_on_to_the_same_weights(tmp_path: Path, recipe: str) -> None:
    straight, killed = tmp_path / "straight", tmp_path / "killed"
    options = ("--dataset", "digits", "--recipe", recipe, "--epochs", "3", "--device", "cpu", "--out")

    with start(*options, straight) as process:
        _, err = process.communicate()
        assert process.returncode == 0, err

    with start(*options, killed) as process:
        while not (killed / "state.safetensors").exists():
            assert process.poll() is None, "ended before it could be killed"
            time.sleep(0.01)
        process.kill()
    assert process.returncode != 0
    assert not (killed / "model.safetensors").exists()

    with start("--resume", "--out", killed) as process:
        _, err = process.communicate()
        assert process.returncode == 0, err

    assert re.search(rf"recipe {recipe}, [12] of 3 epochs done", err)
    assert (killed / "model.safetensors").read_bytes() == (straight / "model.safetensors").read_bytes()
    assert Counter(path.name for path in killed.glob("[!.]*")) == Counter(path.name for path in straight.iterdir())


@pytest.mark.parametrize("name", ["x" * 300, "", "no/such/folder"])
def test_names_that_no_data_set_has(name: str) -> None:
    assert "no data set" in refused(mnistx("train", "--dataset", name))


def test_blank_images_are_told_before_training(tmp_path: Path) -> None:
    write_idx_folder(tmp_path / "d", classes=2, count=20)
    (tmp_path / "d" / "train-images-idx3-ubyte").write_bytes(idx_bytes(np.zeros((20, 28, 28), np.uint8)))
    assert "of one brightness" in refused(mnistx("train", "--dataset", tmp_path / "d", "--out", tmp_path / "o"))
    assert not (tmp_path / "o").exists()


def test_the_help_says_what_happens_without_an_option() -> None:
    text = " ".join(mnistx("train", "--help").stdout.split())
    for said in (
        "Without --size and --channels, each is read as one handwritten digit and becomes a grey 28x28 image",
        "with it alone they are resized to 28x28",
        "FILE.py is run.",
        "report, third-convolution, wider-filters, large, or a network of your own",
    ):
        assert said in text
