import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mnistx_train import figures, run, stages
from mnistx_train.checkpoint import load_checkpoint
from mnistx_train.datasets import Source, Split, training_data
from mnistx_train.errors import TrainError
from mnistx_train.inference import log_probs
from mnistx_train.loop import Epoch, State, run_epoch
from mnistx_train.metrics import Metrics
from mnistx_train.network import cnn
from mnistx_train.recipes import Recipe, Teacher, recipe
from mnistx_train.runs import CHECKPOINT, CONFIG, STATE, Config, locked, new_run, read_config

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

    def epoch(state: State, recipe: Recipe, *rest: Any) -> Epoch:
        log.append(f"epoch {len(state.history) + 1}")
        return run_epoch(state, recipe, *rest)

    monkeypatch.setattr(run, "source", lambda *_: Source("three", NAMES, read))
    monkeypatch.setattr(stages, "run_epoch", epoch)
    for figure in ("curves", "confusion", "per_class", "calibration", "misclassified"):
        monkeypatch.setattr(figures, figure, lambda *_: b"\x89PNG\r\n\x1a\n")
    return log


def finished(*args: Any, **options: Any) -> Metrics:
    """A run of one process, to its end."""
    metrics = run.run(*args, **options)
    assert metrics is not None
    return metrics


@pytest.mark.usefixtures("events")
def test_another_network_is_trained_and_kept(tmp_path: Path) -> None:
    _, config = run.begin({"dataset": "digits", "network": "large", "epochs": 1}, None, False)
    run.run(None, config, tmp_path / "run", None, as_json=False)

    network, card = load_checkpoint(tmp_path / "run" / CHECKPOINT)
    assert read_config(tmp_path / "run").network == card.network == "large"
    assert list(network.state_dict()) == list(cnn(3, "large").state_dict())


def test_what_the_user_overrides_becomes_part_of_the_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Recipe] = []

    class Stopped(Exception):
        pass

    def epoch(_state: State, recipe: Recipe, *_: object) -> Epoch:
        seen.append(recipe)
        raise Stopped

    monkeypatch.setattr(stages, "run_epoch", epoch)
    with pytest.raises(Stopped):
        config = replace(CONFIGURED, dataset="digits", epochs=3, batch_size=17, lr=0.25)
        run.run(None, config, tmp_path / "run", None, as_json=False)

    (recipe,) = seen
    assert (recipe.name, recipe.epochs, recipe.batch_size, recipe.lr) == ("report", 3, 17, 0.25)


def test_test_images_are_read_once_and_only_after_the_last_epoch(tmp_path: Path, events: list[str]) -> None:
    run.run(None, CONFIGURED, tmp_path / "run", None, as_json=False)

    assert events == ["training images", "epoch 1", "epoch 2", "test images"]


@pytest.mark.usefixtures("events")
def test_a_finished_run_leaves_results_and_no_state(tmp_path: Path) -> None:
    run.run(None, CONFIGURED, tmp_path / "run", None, as_json=False)

    assert {path.name for path in (tmp_path / "run").iterdir()} == FILES
    assert replace(read_config(tmp_path / "run"), data_sha256="") == CONFIGURED


@pytest.mark.usefixtures("events")
def test_the_checkpoint_says_what_was_trained_and_measured(tmp_path: Path, parts: dict[bool, Split]) -> None:
    metrics = finished(None, CONFIGURED, tmp_path / "run", None, as_json=False)

    network, card = load_checkpoint(tmp_path / "run" / CHECKPOINT)
    data, test = training_data(Source("three", NAMES, parts.__getitem__)), parts[False]
    values = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert (card.names, card.dataset, card.mean, card.std) == (NAMES, "three", data.mean, data.std)
    assert (card.recipe, card.epochs, card.batch_size, card.lr, card.seed) == ("report", 2, 16, 0.001, 0)
    assert card.test_accuracy == metrics.accuracy == values["test"]["accuracy"]
    assert card.validation_accuracy == values["epochs"][-1]["validation_accuracy"]
    answers = log_probs(network, test.images, card.mean, card.std)
    assert metrics.accuracy == float((answers.argmax(1) == test.labels).mean())


@pytest.mark.usefixtures("events")
def test_tensorboard_reads_what_every_epoch_came_to(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run.run(None, CONFIGURED, tmp_path / "run", None, False, tensorboard=True)
    written = EventAccumulator(str(tmp_path / "run" / "tensorboard")).Reload()
    history = json.loads((tmp_path / "run" / "metrics.json").read_text())["epochs"]
    for tag, key in (("loss/training", "train_loss"), ("accuracy/validation", "validation_accuracy")):
        found = [(event.step, event.value) for event in written.Scalars(tag)]
        assert found == [(epoch["number"], pytest.approx(epoch[key], rel=1e-6)) for epoch in history]


def test_without_tensorboard_a_run_that_asks_for_it_is_told_before_training(
    tmp_path: Path, events: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mnistx_train.events.find_spec", lambda _: None)
    with pytest.raises(TrainError, match="pip install tensorboard"):
        run.run(None, CONFIGURED, tmp_path / "run", None, False, tensorboard=True)
    assert not events and not (tmp_path / "run").exists()


@pytest.mark.usefixtures("events")
def test_json_lines_tell_epochs_and_result(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    metrics = finished(None, CONFIGURED, tmp_path / "run", None, as_json=True)

    *epochs, result = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    values = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert [line["epoch"] for line in epochs] == values["epochs"]
    assert result == {
        "checkpoint": str(tmp_path / "run" / CHECKPOINT),
        "test_accuracy": metrics.accuracy,
        "test_loss": metrics.loss,
    }


@pytest.mark.usefixtures("events")
def test_text_tells_the_result_apart_from_the_progress(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    metrics = finished(None, CONFIGURED, tmp_path / "run", None, as_json=False)

    out, err = capsys.readouterr()
    assert out.splitlines() == [
        f"test accuracy {metrics.accuracy:.2%} ({len(metrics.wrong)} of 24 misread)",
        f"checkpoint {tmp_path / 'run' / CHECKPOINT}, report {tmp_path / 'run' / 'report.html'}",
    ]
    assert "44 images to train on, 4 to validate on, recipe report, 0 of 2 epochs done" in err
    assert err.count("validation loss") == 2


@pytest.mark.usefixtures("events")
def test_same_configuration_same_checkpoint(tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        run.run(None, replace(CONFIGURED, epochs=1, seed=seed), tmp_path / name, None, as_json=False)

    a, b, c = ((tmp_path / name / CHECKPOINT).read_bytes() for name in "abc")
    assert a == b
    assert a != c


def test_a_stopped_run_says_how_to_go_on_and_ends_as_if_it_had_not_been(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], events: list[str]
) -> None:
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    run.run(None, CONFIGURED, whole, None, as_json=False)
    events.clear()

    epoch: Callable[..., Epoch] = vars(stages)["run_epoch"]

    def stop(state: State, *rest: object) -> Epoch:
        if state.history:
            raise KeyboardInterrupt
        return epoch(state, *rest)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(stages, "run_epoch", stop)
        run.run(None, CONFIGURED, stopped, None, as_json=False)

    assert capsys.readouterr().err.endswith(f"stopped; `mnistx train --resume --out {stopped}` goes on\n")
    assert {path.name for path in stopped.iterdir()} == {CONFIG, STATE}
    assert events == ["training images", "epoch 1"]

    run.run(*run.begin({}, stopped, resume=True), None, None, as_json=False)

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
    monkeypatch.setattr(stages, "recipe_named", lambda _: TAUGHT)
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    run.run(None, CONFIGURED, whole, None, as_json=True)
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
        run.run(None, CONFIGURED, stopped, None, as_json=False)
    assert len(events) == 1 + done  # the first is the reading of the training images
    run.run(*run.begin({}, stopped, resume=True), None, None, as_json=False)

    epochs = [event for event in events if event.startswith("epoch")]
    assert epochs == ["epoch 1", "epoch 2"] * 2
    assert {path.name for path in stopped.iterdir()} == FILES
    assert (stopped / CHECKPOINT).read_bytes() == (whole / CHECKPOINT).read_bytes()


@pytest.mark.usefixtures("events")
def test_a_teacher_is_learned_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run.run(None, CONFIGURED, tmp_path / "alone", None, as_json=True)
    monkeypatch.setattr(stages, "recipe_named", lambda _: TAUGHT)
    run.run(None, CONFIGURED, tmp_path / "taught", None, as_json=True)

    alone, taught = (load_checkpoint(tmp_path / name / CHECKPOINT)[0].state_dict() for name in ("alone", "taught"))
    assert any(not torch.equal(alone[name], taught[name]) for name in alone)


def test_a_run_killed_while_reporting_only_reports_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, events: list[str]
) -> None:
    def killed(*_: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(run, "write_report", killed)
        run.run(None, CONFIGURED, tmp_path / "run", None, as_json=False)
    assert {path.name for path in (tmp_path / "run").iterdir()} == {CONFIG, STATE, CHECKPOINT}
    events.clear()

    run.run(*run.begin({}, tmp_path / "run", resume=True), None, None, as_json=False)

    assert events == ["training images", "test images"]
    assert {path.name for path in (tmp_path / "run").iterdir()} == FILES


def test_a_run_that_cannot_be_written_stops_before_training(tmp_path: Path, events: list[str]) -> None:
    (tmp_path / "file").write_bytes(b"x")

    with pytest.raises(TrainError, match="can't write to"):
        run.run(None, CONFIGURED, tmp_path / "file" / "run", None, as_json=False)

    assert events == ["training images"]


def started(folder: Path, parts: dict[bool, Split]) -> tuple[Path, Config]:
    digest = run.data_sha256(training_data(Source("three", NAMES, parts.__getitem__)))
    config = replace(CONFIGURED, data_sha256=digest)
    return new_run(config, folder), config


@pytest.mark.usefixtures("events")
def test_a_run_is_not_resumed_on_other_data(tmp_path: Path) -> None:
    folder = new_run(CONFIGURED, tmp_path / "run")
    with pytest.raises(TrainError, match="was started on; start anew"):
        run.run(folder, CONFIGURED, None, None, as_json=False)


@pytest.mark.usefixtures("events")
def test_a_run_that_another_process_trains_is_left_alone(tmp_path: Path, parts: dict[bool, Split]) -> None:
    folder, config = started(tmp_path / "run", parts)
    with locked(folder), pytest.raises(TrainError, match="another process is training"):
        run.run(folder, config, None, None, as_json=False)


@pytest.mark.usefixtures("events")
def test_what_a_killed_process_was_writing_is_swept_out(tmp_path: Path, parts: dict[bool, Split]) -> None:
    folder, config = started(tmp_path / "run", parts)
    (folder / ".state.safetensors.123.tmp").touch()
    run.run(folder, config, None, None, as_json=False)
    assert {path.name for path in folder.iterdir()} == FILES


@pytest.mark.usefixtures("events")
def test_torch_computes_with_the_run_s_own_number_of_threads(tmp_path: Path) -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        run.run(None, replace(CONFIGURED, threads=1), tmp_path / "run", None, as_json=False)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def test_a_damaged_state_stops_before_training(tmp_path: Path, events: list[str], parts: dict[bool, Split]) -> None:
    folder, config = started(tmp_path / "run", parts)
    (folder / STATE).write_bytes(b"damaged")

    with pytest.raises(TrainError, match=r"state\.safetensors is not a checkpoint of mnistx, or is damaged"):
        run.run(folder, config, None, None, as_json=False)

    assert events == ["training images"]
