"""Trials of what might train better: on MNIST's training images, judged by its validation images alone.

`python tests/trials.py artifacts` trains those of `TRIALS` that have no row yet, or the ones that are named after the
folder, and writes trials.json and trials.md there. The test images are never read.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mnistx_train.augment import report_affine, resampled
from mnistx_train.datasets import TrainingData, source, training_data
from mnistx_train.loop import fresh_state, run_epoch
from mnistx_train.memory import keep_freed_memory
from mnistx_train.network import cnn
from mnistx_train.recipes import Recipe, in_batches, recipe
from mnistx_train.recipes.schedules import one_cycle

SEED = 0
BEST = recipe("best")


def batched(data: TrainingData, order: Tensor, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """The report's augmentation, drawn for a whole batch at once: the same distribution, a third of the time."""
    for images, labels in in_batches(data, order, batch_size):
        yield (resampled(images, report_affine(len(labels))) - data.mean) / data.std, labels


REPORT = replace(recipe("report"), batches=batched)

TRIALS: dict[str, Recipe] = {
    "the report's recipe": REPORT,
    "the report's, one-cycle learning rate": replace(REPORT, schedule=one_cycle, lr=0.003),
    "the report's, dropout 0.3": replace(REPORT, dropout=0.3),
    "the report's, stronger augmentation": replace(REPORT, batches=BEST.batches),
    "the report's, a third convolution": replace(REPORT, network="third-convolution"),
    "the report's, wider filters": replace(REPORT, network="wider-filters"),
    "best": BEST,
    "best, 15 epochs": replace(BEST, epochs=15),
    "best, 15 epochs, without batch normalization": replace(BEST, epochs=15, batch_norm=False),
    "best, 15 epochs, the large network": replace(BEST, epochs=15, network="large"),
}
"""What is tried. The first six are the report's own ideas for improvement, each by itself."""


def tried(chosen: Recipe, data: TrainingData) -> dict[str, Any]:
    """Train once, and say what came of it."""
    state = fresh_state(chosen, len(data.names), SEED, torch.device("cpu"))
    for _ in range(chosen.epochs):
        epoch = run_epoch(state, chosen, data, SEED)
        print(f"  epoch {epoch.number}/{chosen.epochs}: {epoch.validation_accuracy:.2%}", file=sys.stderr, flush=True)
    return {
        "parameters": sum(values.numel() for values in cnn(len(data.names), chosen.network).parameters()),
        "epochs": chosen.epochs,
        "seconds": round(sum(epoch.seconds for epoch in state.history)),
        "threads": torch.get_num_threads(),
        "training_loss": state.history[-1].train_loss,
        "validation_loss": state.history[-1].validation_loss,
        "validation_accuracy": state.history[-1].validation_accuracy,
    }


def table(rows: dict[str, dict[str, Any]]) -> str:
    """The trials as Markdown, in the order of `TRIALS`."""
    lines = [
        "# Trials",
        "",
        "`python tests/trials.py artifacts` made this table: seed 0, 55,000 training images, judged by 5,000",
        "validation images alone, each 0.02%. Seconds are for orientation: the machine was shared.",
        "",
        "| trial | parameters | epochs | seconds | threads | training loss | validation loss | validation accuracy |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name in [name for name in TRIALS if name in rows]:
        row = rows[name]
        lines.append(
            f"| {name} | {row['parameters']:,} | {row['epochs']} | {row['seconds']} | {row['threads']} | "
            f"{row['training_loss']:.4f} | {row['validation_loss']:.4f} | {row['validation_accuracy']:.2%} |"
        )
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    file = folder / "trials.json"
    rows = json.loads(file.read_text()) if file.exists() else {}
    keep_freed_memory()
    found = training_data(source("mnist", download=False))
    for name in sys.argv[2:] or [name for name in TRIALS if name not in rows]:
        print(name, file=sys.stderr, flush=True)
        rows[name] = tried(TRIALS[name], found)
        file.write_text(json.dumps(rows, indent=1) + "\n")
        (folder / "trials.md").write_text(table(rows))
    print(table(rows))
