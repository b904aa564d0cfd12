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
from click.testing import CliRunner, Result
from numpy.typing import NDArray

from mnistx_runtime.cli import main
from mnistx_train import figures
from mnistx_train.checkpoint import load_checkpoint
from mnistx_train.datasets import Split, digits, source, training_data
from mnistx_train.recipes import RECIPES

Images = list[NDArray[np.uint8]]


def mnistx(*args: str | Path) -> Result:
    return CliRunner().invoke(main, [str(arg) for arg in args])


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
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Images, Images, list[str]]]:
    """What `data show` would have drawn."""
    calls: list[tuple[Images, Images, list[str]]] = []

    def draw(before: Images, after: Images, titles: list[str]) -> bytes:
        calls.append((before, after, titles))
        return b"drawn"

    monkeypatch.setattr(figures, "before_and_after", draw)
    return calls


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Digits of which there are few, and reports without figures."""
    split = few(8)
    monkeypatch.setattr(digits, "_read", lambda: split)
    for figure in ("curves", "confusion", "per_class", "calibration", "misclassified"):
        monkeypatch.setattr(figures, figure, lambda *_: b"\x89PNG\r\n\x1a\n")


def test_commands_import_only_click_until_they_are_called() -> None:
    code = (
        "import sys; import mnistx_train.commands.train, mnistx_train.commands.data; "
        "print(*{'torch', 'torchvision', 'numpy', 'sklearn', 'matplotlib'} & sys.modules.keys())"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == ""


def test_stats_as_json_lines() -> None:
    result = mnistx("data", "stats", "--dataset", "digits", "--json")

    assert result.exit_code == 0
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(line["dataset"], line["part"], line["images"]) for line in lines] == [
        ("digits", "training", 1497),
        ("digits", "test", 300),
    ]
    for line, train in zip(lines, (True, False), strict=True):
        split = source("digits").read(train)
        assert line["mean"] == pytest.approx(np.mean(split.images / 255))
        assert line["std"] == pytest.approx(np.std(split.images / 255))
        assert line["classes"] == {str(c): int((split.labels == c).sum()) for c in range(10)}


def test_stats_as_text() -> None:
    result = mnistx("data", "stats", "--dataset", "digits")

    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert len(lines) == 22
    assert lines[0] == "digits, training: 1,497 images, mean 0.1578, std 0.2933"
    assert lines[11].startswith("digits, test: 300 images")
    assert lines[1].split() == ["0", "148", "9.89%"]


@pytest.mark.parametrize("command", [["data", "stats"], ["data", "show", "--out", "shown.png"], ["train"]])
def test_unknown_data_set_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]) -> None:
    monkeypatch.chdir(tmp_path)

    assert "no data set 'minst'" in refused(mnistx(*command, "--dataset", "minst"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", [["data", "stats"], ["data", "show", "--out", "shown.png"], ["train"]])
def test_data_dir_without_the_set_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    assert "holds no MNIST/raw/" in refused(mnistx(*command, "--dataset", "mnist", "--data-dir", tmp_path))
    assert not list(tmp_path.iterdir())


def test_show_draws_a_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    split = few(3)
    monkeypatch.setattr(digits, "_read", lambda: split)

    result = mnistx("data", "show", "--dataset", "digits", "--out", tmp_path / "shown.png")

    assert result.exit_code == 0
    assert "10 training images of digits, augmented by recipe report" in result.stdout
    assert (tmp_path / "shown.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_show_takes_training_images_and_what_augmentation_makes_of_them(
    tmp_path: Path, drawn: list[tuple[Images, Images, list[str]]]
) -> None:
    result = mnistx("data", "show", "--dataset", "digits", "--out", tmp_path / "shown.png")

    assert result.exit_code == 0
    assert (tmp_path / "shown.png").read_bytes() == b"drawn"
    ((before, after, titles),) = drawn
    assert len(before) == len(after) == len(titles) == 32
    training = training_data(source("digits")).training
    known = {image.tobytes(): str(label) for image, label in zip(training.images, training.labels, strict=True)}
    assert [known[image.tobytes()] for image in before] == titles
    assert not any(np.array_equal(one, other) for one, other in zip(before, after, strict=True))
    assert {(image.dtype.name, image.shape) for image in after} == {("uint8", (28, 28))}
    assert min(int(image.min()) for image in after) == 0
    assert max(int(image.max()) for image in after) > 240


def test_show_picks_images_by_the_seed(tmp_path: Path, drawn: list[tuple[Images, Images, list[str]]]) -> None:
    for seed in ("5", "5", "6"):
        out = tmp_path / "shown.png"
        assert mnistx("data", "show", "--dataset", "digits", "--seed", seed, "--out", out).exit_code == 0

    five, again, six = drawn
    assert all(np.array_equal(five[part], again[part]) for part in (0, 1))
    assert not np.array_equal(five[0], six[0])


@pytest.mark.usefixtures("drawn")
def test_show_refuses_what_it_cannot_use(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    out = tmp_path / "shown.png"

    assert "no recipe 'none'" in refused(
        mnistx("data", "show", "--dataset", "digits", "--recipe", "none", "--out", out)
    )
    assert "--seed" in refused(mnistx("data", "show", "--dataset", "digits", "--seed", "-1", "--out", out))
    assert "--out" in refused(mnistx("data", "show", "--dataset", "digits"))
    below = tmp_path / "file" / "shown.png"
    assert "can't write" in refused(mnistx("data", "show", "--dataset", "digits", "--out", below))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


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
        (["--recipe", "none"], "no recipe 'none'; known: report"),
        (["--network", "none"], "no network 'none'; known: report"),
        (["--epochs", "0"], "--epochs"),
        (["--epochs", "many"], "--epochs"),
        (["--batch-size", "0"], "--batch-size"),
        (["--lr", "0"], "--lr"),
        (["--lr", "-1"], "--lr"),
        (["--seed", "-1"], "--seed"),
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


@pytest.mark.slow
@pytest.mark.parametrize("recipe", RECIPES)
def test_a_killed_run_goes_on_to_the_same_weights(tmp_path: Path, recipe: str) -> None:
    straight, killed = tmp_path / "straight", tmp_path / "killed"
    options = ("--dataset", "digits", "--recipe", recipe, "--epochs", "3", "--device", "cpu", "--out")

    with start(*options, straight) as process:
        _, err = process.communicate(timeout=300)
        assert process.returncode == 0, err

    with start(*options, killed) as process:
        deadline = time.monotonic() + 300
        while not (killed / "state.safetensors").exists():
            assert process.poll() is None, "ended before it could be killed"
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.kill()
    assert process.returncode != 0
    assert not (killed / "model.safetensors").exists()

    with start("--resume", "--out", killed) as process:
        _, err = process.communicate(timeout=300)
        assert process.returncode == 0, err

    assert re.search(rf"recipe {recipe}, [12] of 3 epochs done", err)
    assert (killed / "model.safetensors").read_bytes() == (straight / "model.safetensors").read_bytes()
    assert Counter(path.name for path in killed.glob("[!.]*")) == Counter(path.name for path in straight.iterdir())
