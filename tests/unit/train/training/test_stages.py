from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mnistx_train.datasets import Split, TrainingData
from mnistx_train.errors import TrainError
from mnistx_train.job import configure
from mnistx_train.recipes import Recipe, Teacher, recipe
from mnistx_train.runs import STATE, TEACHER_STATE, Config
from mnistx_train.training.loop import Epoch, save_state
from mnistx_train.training.parallel import ALONE
from mnistx_train.training.stages import Progress, Stage, learn, prepare_stages

REPORT: Recipe = replace(recipe("report"), epochs=2, batch_size=16)
TAUGHT = replace(REPORT, teacher=Teacher(replace(REPORT, epochs=1), temperature=2, weight=0.5))


@pytest.fixture
def config() -> Config:
    return configure({"dataset": "digits", "device": "cpu", "seed": 7}, None, False).config


@pytest.fixture
def few(small: TrainingData) -> TrainingData:
    return replace(small, training=small.training.at(np.arange(32)))


def test_a_teacher_comes_first_with_a_seed_of_its_own(config: Config, few: TrainingData) -> None:
    (alone,) = prepare_stages(None, config, REPORT, few)
    teacher, pupil = prepare_stages(None, config, TAUGHT, few)

    assert (alone.file, pupil.file, teacher.file) == (STATE, STATE, TEACHER_STATE)
    assert (alone.state.seed, pupil.state.seed, teacher.state.seed) == (7, 7, 7 + 2**32)
    assert (teacher.label, pupil.label) == ("teacher epoch", "epoch")
    weights = [stage.state.network.state_dict()["fc1.weight"] for stage in (alone, pupil)]
    assert torch.equal(*weights)


def test_each_stage_learns_to_its_end_from_the_one_before(config: Config, few: TrainingData) -> None:
    stages = prepare_stages(None, config, TAUGHT, few)
    kept: list[tuple[str, int]] = []

    learn(stages, few, ALONE, lambda stage, epoch: kept.append((stage.file, epoch.number)))

    assert kept == [(TEACHER_STATE, 1), (STATE, 1), (STATE, 2)]
    assert stages[0].state.teacher is None and stages[1].state.teacher is not None


def test_stages_go_on_from_the_states_in_the_folder(tmp_path: Path, config: Config, few: TrainingData) -> None:
    stages = prepare_stages(None, config, replace(TAUGHT, epochs=1), few)
    learn(stages, few, ALONE, lambda stage, _: save_state(tmp_path / stage.file, stage.state))

    teacher, pupil = prepare_stages(tmp_path, config, TAUGHT, few)

    assert (len(teacher.state.history), len(pupil.state.history)) == (1, 1)
    (tmp_path / STATE).write_bytes(b"damaged")
    with pytest.raises(TrainError, match="is damaged"):
        prepare_stages(tmp_path, config, TAUGHT, few)


def test_progress_is_told_of_every_step(config: Config, few: TrainingData) -> None:
    class Counting(Progress):
        steps_seen: list[tuple[str, int]] = []  # noqa: RUF012

        def steps(self, stage: Stage, count: int):  # type: ignore[no-untyped-def]
            self.steps_seen.append((stage.label, count))
            return super().steps(stage, count)

    learn(prepare_stages(None, config, TAUGHT, few), few, ALONE, progress=Counting())

    assert Counting.steps_seen == [("teacher epoch", 2), ("epoch", 2)]


def test_silent_progress_says_nothing(capsys: pytest.CaptureFixture[str], config: Config, small: TrainingData) -> None:
    (stage,) = prepare_stages(None, config, REPORT, small)
    silent = Progress()
    silent.message("hello")
    silent.epoch(stage, Epoch(1, 0, 0, 0, 0))

    assert capsys.readouterr() == ("", "")
    assert isinstance(small.training, Split)
