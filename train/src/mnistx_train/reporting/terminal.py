"""Tells of a run on a terminal, or as JSON Lines."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

from mnistx_runtime.commands import print_json
from mnistx_train.evaluation.metrics import Metrics
from mnistx_train.runs import CHECKPOINT
from mnistx_train.training.loop import Epoch
from mnistx_train.training.stages import OnStep, Progress, Stage


class Terminal(Progress):
    """Prints results to standard output, progress to standard error, with a bar where that is a terminal.

    Args:
        as_json: print JSON Lines to standard output instead: an object an epoch, and one for the result.
    """

    def __init__(self, as_json: bool) -> None:
        """See the class."""
        self._as_json = as_json
        self._bar: tqdm[Any] | None = None

    def message(self, text: str) -> None:
        """Print a sentence to standard error."""
        click.echo(text, err=True)

    @contextmanager
    def steps(self, stage: Stage, count: int) -> Iterator[OnStep]:
        """A bar, where standard error is a terminal."""
        recipe, done = stage.state.recipe, len(stage.state.history)
        with tqdm(total=recipe.epochs * count, initial=done * count, unit="step", disable=None) as bar:

            def on_step(loss: float, accuracy: float) -> None:
                bar.set_postfix(loss=f"{loss:.3f}", accuracy=f"{accuracy:.2%}", refresh=False)
                bar.update()

            self._bar = bar
            yield on_step
            self._bar = None

    def epoch(self, stage: Stage, epoch: Epoch) -> None:
        """Print its numbers."""
        if self._bar is not None:
            self._bar.clear()
        if self._as_json:
            print_json({stage.label.replace(" ", "_"): asdict(epoch)})
        else:
            self.message(
                f"{stage.label} {epoch.number:>2}/{stage.state.recipe.epochs}  training loss {epoch.train_loss:.4f}  "
                f"validation loss {epoch.validation_loss:.4f}  accuracy {epoch.validation_accuracy:.2%}  "
                f"{epoch.seconds:.1f} s"
            )
        if self._bar is not None:
            self._bar.refresh()

    def result(self, folder: Path, metrics: Metrics) -> None:
        """Print the test accuracy, and where the files are."""
        if self._as_json:
            values = {"checkpoint": str(folder / CHECKPOINT), "test_accuracy": metrics.accuracy}
            print_json(values | {"test_loss": metrics.loss})
        else:
            click.echo(f"test accuracy {metrics.accuracy:.2%} ({len(metrics.wrong)} of {metrics.count:,} misread)")
            click.echo(f"checkpoint {folder / CHECKPOINT}, report {folder / 'report.html'}")
