"""What one run trains, network by network: the teacher first, where the recipe has one, then its own."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.utils import deterministic

from mnistx_train.datasets.base import TrainingData
from mnistx_train.evaluation.metrics import Metrics
from mnistx_train.recipes import Recipe
from mnistx_train.runs import STATE, TEACHER_STATE, Config
from mnistx_train.training.loop import Epoch, State, fresh_state, load_state, run_epoch, share_state, teacher_network
from mnistx_train.training.memory import keep_freed_memory
from mnistx_train.training.parallel import ALONE, Processes, use_own_card

_TEACHERS_SEED = 2**32
"""Added to a run's seed, which is below that: what a teacher is shown is drawn apart from what its pupil is shown."""

OnStep = Callable[[float, float], None]


@dataclass(frozen=True)
class Stage:
    """One network that a run trains.

    Args:
        state: where it stands.
        file: what its state is kept in.
        label: what its epochs are called.
    """

    state: State
    file: str
    label: str = "epoch"


class Progress:
    """What a run tells of itself as it goes on. This one keeps silent; `reporting.terminal` has one that prints."""

    def message(self, text: str) -> None:
        """Tell a sentence."""

    def steps(self, stage: Stage, count: int) -> AbstractContextManager[OnStep]:  # noqa: ARG002
        """While this lasts, a function that takes each step's loss, and the share read right so far, 0..1.

        Args:
            stage: that begins, or goes on.
            count: of the steps in an epoch.
        """
        return nullcontext(lambda _loss, _accuracy: None)

    def epoch(self, stage: Stage, epoch: Epoch) -> None:
        """Tell of an epoch that is done."""

    def result(self, folder: Path, metrics: Metrics) -> None:
        """Tell what the test images came to."""


def prepare_stages(
    folder: Path | None, config: Config, recipe: Recipe, data: TrainingData, group: Processes = ALONE
) -> list[Stage]:
    """What a run trains, in order, and where each stands; sets torch up for it.

    Args:
        folder: the run to go on with; None for a new one, and in all but the first of several processes.
        config: of the run.
        recipe: as the run follows it.
        data: what is learned from.
        group: the processes that learn together; all go on from the first one's states.

    Raises:
        TrainError: a state is damaged, or another run's; or a user's own network can't be trained.
    """
    keep_freed_memory()
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # what CUDA needs to be deterministic
    torch.set_deterministic_debug_mode("error")  # use_deterministic_algorithms does the same, and imports a compiler
    deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # a sixth of the time, for nothing
    torch.set_num_threads(config.threads)
    use_own_card(config.device)
    device = torch.device(config.device)
    stages = [Stage(fresh_state(recipe, data, config.seed, device), STATE)]
    if recipe.teacher and recipe.teacher.recipe:
        teacher = fresh_state(recipe.teacher.recipe, data, config.seed + _TEACHERS_SEED, device)
        stages.insert(0, Stage(teacher, TEACHER_STATE, "teacher epoch"))
    for stage in stages:
        if folder and (folder / stage.file).exists():
            load_state(folder / stage.file, stage.state)
        if group.count > 1:
            share_state(stage.state, group)
    return stages


def learn(
    stages: list[Stage],
    data: TrainingData,
    group: Processes,
    keep: Callable[[Stage, Epoch], None] = lambda _stage, _epoch: None,
    progress: Progress | None = None,
) -> None:
    """Train one network after the other, each to its last epoch, and from the one before it.

    Args:
        stages: changed in place.
        data: training and validation images.
        group: the processes that learn together.
        keep: called with each epoch that is done, in the first process only.
        progress: who is told of each step.
    """
    for before, stage in zip([None, *stages], stages, strict=False):
        state = stage.state
        if before:
            state.teacher = teacher_network(before.state)
        with (progress or Progress()).steps(stage, state.recipe.steps(len(data.training))) as on_step:
            while len(state.history) < state.recipe.epochs:
                keep(stage, run_epoch(state, data, on_step, group))
