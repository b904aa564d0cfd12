import json
from pathlib import Path

import numpy as np
import pytest

from mnistx_train.datasets import DIGITS, Split, TrainingData
from mnistx_train.datasets.base import digit_spec
from mnistx_train.evaluation.metrics import measure
from mnistx_train.job import Job, configure
from mnistx_train.reporting.terminal import Terminal
from mnistx_train.training.loop import Epoch
from mnistx_train.training.stages import Stage, prepare_stages

EPOCH = Epoch(1, 0.9, 0.5, 0.75, 1.25)
METRICS = measure(np.log([[0.9, 0.1], [0.6, 0.4]]), np.array([0, 1]))


@pytest.fixture
def stage(digits_whole: Split) -> Stage:
    few = digits_whole.at(np.arange(20))
    job: Job = configure({"dataset": "digits", "epochs": 2, "device": "cpu"}, None, False)
    return prepare_stages(None, job.config, job.recipe, TrainingData(few, few, digit_spec(DIGITS), DIGITS))[0]


def test_json_lines_tell_epochs_and_result(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal(as_json=True)
    with terminal.steps(stage, 3) as on_step:
        on_step(0.5, 0.25)
        terminal.epoch(stage, EPOCH)
    terminal.epoch(Stage(stage.state, "teacher", "teacher epoch"), EPOCH)
    terminal.result(Path("run"), METRICS)

    first, second, result = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert first == {"epoch": vars(EPOCH)} and second == {"teacher_epoch": vars(EPOCH)}
    assert result == {"checkpoint": "run/model.safetensors", "test_accuracy": 0.5, "test_loss": METRICS.loss}


def test_text_tells_the_result_apart_from_the_progress(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal(as_json=False)
    terminal.message("begins")
    terminal.epoch(stage, EPOCH)
    terminal.result(Path("run"), METRICS)

    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "test accuracy 50.00% (1 of 2 misread)",
        "checkpoint run/model.safetensors, report run/report.html",
    ]
    assert err.splitlines() == [
        "begins",
        "epoch  1/2  training loss 0.9000  validation loss 0.5000  accuracy 75.00%  1.2 s",
    ]
