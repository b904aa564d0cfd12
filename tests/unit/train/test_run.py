import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from command import json_lines, mnistx
from mnistx_runtime import BadInput
from mnistx_runtime.system.temporary import temporary_path
from mnistx_train import job, run
from mnistx_train.checkpoint import NETWORK_COPY, load_checkpoint
from mnistx_train.datasets import Source, Split, source, training_data
from mnistx_train.datasets.base import digit_spec
from mnistx_train.errors import TrainError
from mnistx_train.evaluation.inference import log_probs
from mnistx_train.evaluation.metrics import Metrics
from mnistx_train.job import Job, configure
from mnistx_train.networks.cnn import cnn
from mnistx_train.recipes import Recipe, Teacher, recipe
from mnistx_train.reporting import figures
from mnistx_train.reporting.terminal import Terminal
from mnistx_train.runs import CHECKPOINT, CONFIG, STATE, Config, locked, new_run, read_config
from mnistx_train.training import stages
from mnistx_train.training.loop import Epoch, State, run_epoch

CONFIGURED = Config(
    dataset="three",
    recipe="report",
    epochs=2,
    batch_size=16,
    lr=0.001,
    seed=0,
    device="cpu",
    threads=1,
    data_sha256="",
    versions={},
)
NAMES = ("nought", "one", "two")
FILES = {
    *(CONFIG, CHECKPOINT, "metrics.json", "report.html"),
    *(f"{name}.png" for name in ("per_class", "confusion", "calibration", "misclassified", "curves")),
}


@pytest.fixture(scope="module")
def parts(digits_whole: Split) -> dict[bool, Split]:
    """The training and the test images of three digits."""
    three = digits_whole.at(np.flatnonzero(digits_whole.labels < 3))
    return {True: three.at(np.arange(48)), False: three.at(np.arange(48, 72))}


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch, parts: dict[bool, Split]) -> list[str]:
    """What happened, in order, while a run reads three digits instead of its data set and draws no figures."""
    log: list[str] = []

    def read(train: bool) -> Split:
        log.append("training images" if train else "test images")
        return parts[train]

    def epoch(state: State, *rest: Any) -> Epoch:
        log.append(f"epoch {len(state.history) + 1}")
        return run_epoch(state, *rest)

    monkeypatch.setattr(run, "source", lambda *_, **__: Source("three", NAMES, read, digit_spec(NAMES)))
    monkeypatch.setattr(stages, "run_epoch", epoch)
    for figure in ("curves", "confusion", "per_class", "calibration", "misclassified"):
        monkeypatch.setattr(figures, figure, lambda *_: b"\x89PNG\r\n\x1a\n")
    return log


def finished(asked: Job, **options: Any) -> Metrics:
    """A run of one process, to its end."""
    metrics = run.run(asked, **options)
    assert metrics is not None
    return metrics


@pytest.mark.usefixtures("events")
def test_another_network_is_trained_and_kept(tmp_path: Path) -> None:
    run.run(configure({"dataset": "digits", "network": "large", "epochs": 1}, tmp_path / "run", False))

    network, card = load_checkpoint(tmp_path / "run" / CHECKPOINT)
    assert read_config(tmp_path / "run").network == card.network == "large"
    assert list(network.state_dict()) == list(cnn(3, "large").state_dict())


def test_what_the_user_overrides_becomes_part_of_the_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Recipe] = []

    class Stopped(Exception):
        pass

    def epoch(state: State, *_: object) -> Epoch:
        seen.append(state.recipe)
        raise Stopped

    monkeypatch.setattr(stages, "run_epoch", epoch)
    with pytest.raises(Stopped):
        config = replace(CONFIGURED, dataset="digits", epochs=3, batch_size=17, lr=0.25)
        run.run(Job(config, out=tmp_path / "run"))

    (recipe,) = seen
    assert (recipe.name, recipe.epochs, recipe.batch_size, recipe.lr) == ("report", 3, 17, 0.25)


def test_test_images_are_read_once_and_only_after_the_last_epoch(tmp_path: Path, events: list[str]) -> None:
    run.run(Job(CONFIGURED, out=tmp_path / "run"))

    assert events == ["training images", "epoch 1", "epoch 2", "test images"]


@pytest.mark.usefixtures("events")
def test_a_finished_run_leaves_results_and_no_state(tmp_path: Path) -> None:
    run.run(Job(CONFIGURED, out=tmp_path / "run"))

    assert {path.name for path in (tmp_path / "run").iterdir()} == FILES
    assert replace(read_config(tmp_path / "run"), data_sha256="") == CONFIGURED


@pytest.mark.usefixtures("events")
def test_the_checkpoint_says_what_was_trained_and_measured(tmp_path: Path, parts: dict[bool, Split]) -> None:
    metrics = finished(Job(CONFIGURED, out=tmp_path / "run"))

    network, card = load_checkpoint(tmp_path / "run" / CHECKPOINT)
    data, test = training_data(Source("three", NAMES, parts.__getitem__, digit_spec(NAMES))), parts[False]
    values = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert (card.names, card.dataset, card.input, card.output) == (NAMES, "three", data.spec, "log-probabilities")
    assert (card.recipe, card.epochs, card.batch_size, card.lr, card.seed) == ("report", 2, 16, 0.001, 0)
    assert card.test_accuracy == metrics.accuracy == values["test"]["accuracy"]
    assert card.validation_accuracy == values["epochs"][-1]["validation_accuracy"]
    answers = log_probs(network, test.images, card.input)
    assert metrics.accuracy == float((answers.argmax(1) == test.labels).mean())


@pytest.mark.usefixtures("events")
def test_tensorboard_reads_what_every_epoch_came_to(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run.run(Job(CONFIGURED, out=tmp_path / "run"), tensorboard=True)
    written = EventAccumulator(str(tmp_path / "run" / "tensorboard")).Reload()
    history = json.loads((tmp_path / "run" / "metrics.json").read_text())["epochs"]
    for tag, key in (("loss/training", "train_loss"), ("accuracy/validation", "validation_accuracy")):
        found = [(event.step, event.value) for event in written.Scalars(tag)]
        assert found == [(epoch["number"], pytest.approx(epoch[key], rel=1e-6)) for epoch in history]


def test_without_tensorboard_a_run_that_asks_for_it_is_told_before_training(
    tmp_path: Path, events: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mnistx_train.reporting.events.find_spec", lambda _: None)
    with pytest.raises(TrainError, match="pip install tensorboard"):
        run.run(Job(CONFIGURED, out=tmp_path / "run"), tensorboard=True)
    assert not events and not (tmp_path / "run").exists()


@pytest.mark.usefixtures("events")
def test_same_configuration_same_checkpoint(tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        run.run(Job(replace(CONFIGURED, epochs=1, seed=seed), out=tmp_path / name))

    a, b, c = ((tmp_path / name / CHECKPOINT).read_bytes() for name in "abc")
    assert a == b
    assert a != c


def test_a_stopped_run_says_how_to_go_on_and_ends_as_if_it_had_not_been(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], events: list[str]
) -> None:
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    run.run(Job(CONFIGURED, out=whole))
    events.clear()

    epoch: Callable[..., Epoch] = vars(stages)["run_epoch"]

    def stop(state: State, *rest: object) -> Epoch:
        if state.history:
            raise KeyboardInterrupt
        return epoch(state, *rest)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(stages, "run_epoch", stop)
        run.run(Job(CONFIGURED, out=stopped), progress=Terminal(as_json=False))

    assert capsys.readouterr().err.endswith(f"stopped; `mnistx train --resume --out {stopped}` goes on\n")
    assert {path.name for path in stopped.iterdir()} == {CONFIG, STATE}
    assert events == ["training images", "epoch 1"]

    run.run(configure({}, stopped, resume=True), progress=Terminal(False))

    assert "1 of 2 epochs done" in capsys.readouterr().err
    assert events == ["training images", "epoch 1", "training images", "epoch 2", "test images"]
    assert {path.name for path in stopped.iterdir()} == FILES
    assert (stopped / CHECKPOINT).read_bytes() == (whole / CHECKPOINT).read_bytes()


TAUGHT = replace(
    recipe("report"), name="report", teacher=Teacher(replace(recipe("report"), epochs=2), temperature=2, weight=0.9)
)


@pytest.mark.parametrize("done", [0, 1, 2, 3])
def test_a_taught_run_goes_on_where_it_was_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], events: list[str], done: int
) -> None:
    monkeypatch.setattr(job, "recipe_named", lambda _: TAUGHT)
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    run.run(Job(CONFIGURED, out=whole), progress=Terminal(as_json=True))
    progress = [next(iter(json.loads(line))) for line in capsys.readouterr().out.splitlines()]
    assert progress == ["teacher_epoch"] * 2 + ["epoch"] * 2 + ["checkpoint"]
    assert {path.name for path in whole.iterdir()} == FILES

    events.clear()
    epoch: Callable[..., Epoch] = vars(stages)["run_epoch"]

    def stop(*args: Any) -> Epoch:
        if len(events) > done:
            raise KeyboardInterrupt
        return epoch(*args)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(stages, "run_epoch", stop)
        run.run(Job(CONFIGURED, out=stopped))
    assert len(events) == 1 + done  # the first is the reading of the training images
    run.run(configure({}, stopped, resume=True), progress=Terminal(False))

    epochs = [event for event in events if event.startswith("epoch")]
    assert epochs == ["epoch 1", "epoch 2"] * 2
    assert {path.name for path in stopped.iterdir()} == FILES
    assert (stopped / CHECKPOINT).read_bytes() == (whole / CHECKPOINT).read_bytes()


@pytest.mark.usefixtures("events")
def test_a_teacher_is_learned_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run.run(Job(CONFIGURED, out=tmp_path / "alone"))
    monkeypatch.setattr(job, "recipe_named", lambda _: TAUGHT)
    run.run(Job(CONFIGURED, out=tmp_path / "taught"))

    alone, taught = (load_checkpoint(tmp_path / name / CHECKPOINT)[0].state_dict() for name in ("alone", "taught"))
    assert any(not torch.equal(alone[name], taught[name]) for name in alone)


def test_a_run_killed_while_reporting_only_reports_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, events: list[str]
) -> None:
    def killed(*_: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(run, "write_report", killed)
        run.run(Job(CONFIGURED, out=tmp_path / "run"))
    assert {path.name for path in (tmp_path / "run").iterdir()} == {CONFIG, STATE, CHECKPOINT}
    events.clear()

    run.run(configure({}, tmp_path / "run", resume=True))

    assert events == ["training images", "test images"]
    assert {path.name for path in (tmp_path / "run").iterdir()} == FILES


def test_a_run_that_cannot_be_written_stops_before_training(tmp_path: Path, events: list[str]) -> None:
    (tmp_path / "file").write_bytes(b"x")

    with pytest.raises(BadInput, match="can't write to"):
        run.run(Job(CONFIGURED, out=tmp_path / "file" / "run"))

    assert events == ["training images"]


def started(folder: Path, parts: dict[bool, Split]) -> tuple[Path, Config]:
    digest = run.data_sha256(training_data(Source("three", NAMES, parts.__getitem__, digit_spec(NAMES))))
    config = replace(CONFIGURED, data_sha256=digest)
    return new_run(config, folder), config


@pytest.mark.usefixtures("events")
def test_a_run_is_not_resumed_on_other_data(tmp_path: Path) -> None:
    folder = new_run(CONFIGURED, tmp_path / "run")
    with pytest.raises(TrainError, match="was started on; start anew"):
        run.run(Job(CONFIGURED, folder))


@pytest.mark.usefixtures("events")
def test_a_run_that_another_process_trains_is_left_alone(tmp_path: Path, parts: dict[bool, Split]) -> None:
    folder, config = started(tmp_path / "run", parts)
    with locked(folder), pytest.raises(TrainError, match="another process is training"):
        run.run(Job(config, folder))


@pytest.mark.usefixtures("events")
def test_what_a_killed_process_was_writing_is_swept_out(tmp_path: Path, parts: dict[bool, Split]) -> None:
    folder, config = started(tmp_path / "run", parts)
    temporary_path(folder).touch()
    run.run(Job(config, folder))
    assert {path.name for path in folder.iterdir()} == FILES


@pytest.mark.usefixtures("events")
def test_torch_computes_with_the_run_s_own_number_of_threads(tmp_path: Path) -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        run.run(Job(replace(CONFIGURED, threads=1), out=tmp_path / "run"))
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def test_a_damaged_state_stops_before_training(tmp_path: Path, events: list[str], parts: dict[bool, Split]) -> None:
    folder, config = started(tmp_path / "run", parts)
    (folder / STATE).write_bytes(b"damaged")

    with pytest.raises(TrainError, match=r"state\.safetensors is not a checkpoint of mnistx, or is damaged"):
        run.run(Job(config, folder))

    assert events == ["training images"]


def write_pictures(folder: Path, count: int = 24) -> None:
    """Pictures of a red and of a green box, 60x50 pixels, in train/ and test/."""
    for part in ("train", "test"):
        for label, name in enumerate(("green", "red")):
            (folder / part / name).mkdir(parents=True)
            for seed in range(count):
                page = Image.new("RGB", (60, 50), (seed, seed, 40))
                page.paste((200 * label, 200 * (1 - label), 5 * seed), (10, 10, 50, 40))
                page.save(folder / part / name / f"{seed}.png")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    write_pictures(tmp_path / "boxes")
    return tmp_path / "boxes"


NET = """
import torch

class Small(torch.nn.Module):
    def __init__(self, classes, spec):
        super().__init__()
        self.conv = torch.nn.Conv2d(spec.channels, 8, 5, stride=2)
        self.linear = torch.nn.Linear(8, classes)

    def forward(self, images):
        return self.linear(torch.relu(self.conv(images)).mean((2, 3)))

def build(classes, spec):
    return Small(classes, spec)

def wrong(classes):
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(28 * 28, classes + 1))
"""


def test_colour_pictures_are_trained_at_any_size(tmp_path: Path, pictures: Path) -> None:
    asked = ("--dataset", pictures, "--size", "16x20", "--epochs", "2", "--batch-size", "8", "--device", "cpu")
    found = mnistx("train", *asked, "--out", tmp_path / "run", "--json")

    assert found.exit_code == 0, found.stderr
    assert json_lines(found)[-1]["test_accuracy"] > 0.9
    network, card = load_checkpoint(tmp_path / "run" / CHECKPOINT)
    assert (card.input.shape, card.input.preprocess, card.names) == ((3, 16, 20), "resize", ("green", "red"))
    assert dict(card.input.parameters)["mode"] == "exact" and len(card.input.mean) == 3
    test = source(str(pictures), spec=card.input).read(False)
    right = log_probs(network, test.images, card.input).argmax(1) == test.labels
    assert float(right.mean()) == card.test_accuracy


def test_a_users_network_is_trained_from_its_file_to_its_checkpoint(tmp_path: Path, pictures: Path) -> None:
    (tmp_path / "net.py").write_text(NET)
    named = ("--network", f"{tmp_path / 'net.py'}:build")
    asked = ("--dataset", pictures, "--size", "16", *named, "--epochs", "2", "--batch-size", "8", "--lr", "0.03")
    found = mnistx("train", *asked, "--device", "cpu", "--out", tmp_path / "run", "--json")

    assert found.exit_code == 0, found.stderr
    assert json_lines(found)[-1]["test_accuracy"] > 0.9
    copied = tmp_path / "run" / NETWORK_COPY
    assert copied.read_text() == NET
    network, card = load_checkpoint(tmp_path / "run" / CHECKPOINT, copied)
    assert (card.network, card.output) == ("net.py:build", "logits")
    test = source(str(pictures), spec=card.input).read(False)
    right = log_probs(network, test.images, card.input, output=card.output).argmax(1) == test.labels
    assert float(right.mean()) == card.test_accuracy
    state = read_config(tmp_path / "run")
    assert (state.network, state.height, state.width, state.channels) == ("net.py:build", 16, 16, 3)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--network", "{net}:wrong"), "net.py:wrong: the network can't take images of 16x16 in colour"),
        (("--channels", "1", "--network", "{net}:absent"), "has no function or class 'absent'"),
        (("--recipe", "best"), "recipe best is made for images of 28x28 in grey"),
        (("--network", "{net}:build", "--dataset", "digits"), "digits has images of 28x28 in grey, not of 16x16"),
    ],
)
def test_what_does_not_fit_is_one_line_and_no_run(
    tmp_path: Path, pictures: Path, options: tuple[str, ...], said: str
) -> None:
    (tmp_path / "net.py").write_text(NET)
    options = tuple(option.replace("{net}", str(tmp_path / "net.py")) for option in options)
    found = mnistx("train", "--dataset", pictures, "--size", "16", "--out", tmp_path / "run", *options)

    assert found.exit_code == 2 and said in found.stderr
    assert found.stderr.count("\n") == 1 and not (tmp_path / "run").exists()


def test_sizes_are_for_pictures(tmp_path: Path) -> None:
    found = mnistx("train", "--dataset", "digits", "--channels", "1", "--out", tmp_path / "run")

    assert found.exit_code == 2 and "--size and --channels are for folders of pictures" in found.stderr


def test_a_users_network_is_stopped_and_goes_on_bit_for_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], pictures: Path
) -> None:
    (tmp_path / "net.py").write_text(NET)
    asked = {"dataset": str(pictures), "height": 16, "width": 16, "epochs": 2, "batch_size": 8, "device": "cpu"}
    asked["network"] = f"{tmp_path / 'net.py'}:build"
    for figure in ("curves", "confusion", "per_class", "calibration", "misclassified"):
        monkeypatch.setattr(figures, figure, lambda *_: b"\x89PNG\r\n\x1a\n")
    run.run(configure(asked, tmp_path / "whole", False))

    def stop(state: State, *rest: Any) -> Epoch:
        if state.history:
            raise KeyboardInterrupt
        return run_epoch(state, *rest)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(stages, "run_epoch", stop)
        run.run(configure(asked, tmp_path / "stopped", False), progress=Terminal(as_json=False))
    again = f"--network {tmp_path / 'stopped' / NETWORK_COPY}:build"
    assert capsys.readouterr().err.endswith(f"--resume --out {tmp_path / 'stopped'} {again}` goes on\n")
    run.run(configure({"network": again.split()[1]}, tmp_path / "stopped", True))

    one, two = ((tmp_path / name / CHECKPOINT).read_bytes() for name in ("whole", "stopped"))
    assert one == two
