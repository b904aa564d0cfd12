"""What one run trains, network by network: the teacher first, where the recipe has one, then its own."""

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import click
import torch
from torch.utils import deterministic
from tqdm import tqdm

from mnistx_train.datasets import TrainingData
from mnistx_train.events import add_epoch
from mnistx_train.loop import Epoch, State, fresh_state, load_state, run_epoch, save_state, teacher_network
from mnistx_train.memory import keep_freed_memory
from mnistx_train.parallel import Processes
from mnistx_train.recipes import Recipe
from mnistx_train.recipes import recipe as recipe_named
from mnistx_train.runs import STATE, TEACHER_STATE, Config

_TEACHERS_SEED = 2**32
"""Added to a run's seed, which is below that: what a teacher is shown is drawn apart from what its pupil is shown."""


@dataclass(frozen=True)
class Stage:
    """One network that a run trains.

    Args:
        recipe: how.
        state: where it stands.
        seed: of all it draws.
        file: what its state is kept in.
        label: what its epochs are called.
    """

    recipe: Recipe
    state: State
    seed: int
    file: str
    label: str = "epoch"


def prepare_stages(folder: Path | None, config: Config, classes: int) -> list[Stage]:
    """What a run trains, in order, and where each stands; sets torch up for it.

    Args:
        folder: the run to go on with; None for a new one.
        config: of the run.
        classes: how many there are.

    Raises:
        TrainError: a state is damaged, or another run's.
    """
    recipe = replace(
        recipe_named(config.recipe),
        epochs=config.epochs,
        batch_size=config.batch_size,
        lr=config.lr,
        network=config.network,
    )
    keep_freed_memory()
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # what CUDA needs to be deterministic
    torch.set_deterministic_debug_mode("error")  # use_deterministic_algorithms does the same, and imports a compiler
    deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # a sixth of the time, for nothing
    torch.set_num_threads(config.threads)
    device = torch.device(config.device)
    stages = [Stage(recipe, fresh_state(recipe, classes, config.seed, device), config.seed, STATE)]
    if recipe.teacher:
        by, seed = recipe.teacher.recipe, config.seed + _TEACHERS_SEED
        stages.insert(0, Stage(by, fresh_state(by, classes, seed, device), seed, TEACHER_STATE, "teacher epoch"))
    for stage in stages:
        if folder and (folder / stage.file).exists():
            load_state(folder / stage.file, stage.state)
    return stages


@dataclass(frozen=True)
class Progress:
    """Where a run writes what it has learned, and how it tells of it."""

    folder: Path
    as_json: bool
    writer: Any

    def epoch(self, stage: Stage, epoch: Epoch) -> None:
        """Keep the state after an epoch, and tell of it."""
        save_state(self.folder / stage.file, stage.state)
        if self.writer and stage.file == STATE:
            add_epoch(self.writer, epoch)
        if self.as_json:
            click.echo(json.dumps({stage.label.replace(" ", "_"): asdict(epoch)}))
            return
        click.echo(
            f"{stage.label} {epoch.number:>2}/{stage.recipe.epochs}  training loss {epoch.train_loss:.4f}  "
            f"validation loss {epoch.validation_loss:.4f}  accuracy {epoch.validation_accuracy:.2%}  "
            f"{epoch.seconds:.1f} s",
            err=True,
        )


def learn(stages: list[Stage], data: TrainingData, together: Processes, progress: Progress | None = None) -> None:
    """Train one network after the other, each to its last epoch, and from the one before it.

    Args:
        stages: changed in place.
        data: training and validation images.
        together: the processes that learn together.
        progress: who keeps and tells of each epoch: in the first process only.
    """
    for before, stage in zip([None, *stages], stages, strict=False):
        if before:
            stage.state.teacher = teacher_network(before.state, before.recipe)
        done, steps = len(stage.state.history), stage.recipe.steps(len(data.training))
        quiet = None if progress else True  # None: where it's no terminal
        with tqdm(total=stage.recipe.epochs * steps, initial=done * steps, unit="step", disable=quiet) as bar:

            def on_step(loss: float, accuracy: float, bar: "tqdm[Any]" = bar) -> None:
                bar.set_postfix(loss=f"{loss:.3f}", accuracy=f"{accuracy:.2%}", refresh=False)
                bar.update()

            while len(stage.state.history) < stage.recipe.epochs:
                epoch = run_epoch(stage.state, stage.recipe, data, stage.seed, on_step, together)
                if progress:
                    bar.clear()
                    progress.epoch(stage, epoch)
                    bar.refresh()
