"""Trials of what might train better: on MNIST's training images, judged by its validation images alone.

`python benchmarks/trials.py artifacts` trains those of `TRIALS` that have no row yet, or the ones that are named after
the folder, and writes trials.json and trials.md there. The test images are never read.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mnistx_train.augmentation.transforms import report_affine, resample
from mnistx_train.datasets import TrainingData, source, training_data
from mnistx_train.networks.cnn import cnn
from mnistx_train.recipes import Recipe, in_batches, normalize, recipe
from mnistx_train.recipes.best import LARGE
from mnistx_train.recipes.schedules import one_cycle
from mnistx_train.training.loop import State, fresh_state, run_epoch, teacher_network
from mnistx_train.training.memory import keep_freed_memory

SEED = 0
FAST, BEST = recipe("fast"), recipe("best")


def batched(data: TrainingData, order: Tensor, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """The report's augmentation, drawn for a whole batch at once: the same distribution, a third of the time."""
    for images, labels in in_batches(data, order, batch_size):
        yield normalize(resample(images, report_affine(len(labels))), data.spec), labels


def adam(network: nn.Module, lr: float) -> torch.optim.Optimizer:
    """AdamW, which is Adam but for the decay of weights; of biases, too."""
    return torch.optim.AdamW(network.parameters(), lr=lr, weight_decay=0.02, fused=True)


REPORT = replace(recipe("report"), batches=batched)
SHORT = replace(BEST, epochs=20)

TRIALS: dict[str, Recipe] = {
    "the report's recipe": REPORT,
    "the report's, one-cycle learning rate": replace(REPORT, schedule=one_cycle, lr=0.003),
    "the report's, dropout 0.3": replace(REPORT, dropout=0.3),
    "the report's, stronger augmentation": replace(REPORT, batches=BEST.batches),
    "the report's, a third convolution": replace(REPORT, network="third-convolution"),
    "the report's, wider filters": replace(REPORT, network="wider-filters"),
    "fast": FAST,
    "fast, with all images": replace(FAST, share=1.0),
    "fast, labels as they are": replace(FAST, label_smoothing=0.0),
    "fast, with AdamW": replace(FAST, optimizer=adam, lr=0.004),
    "best's teacher: the large network": LARGE,
    "best, a third as long": SHORT,
    "best, a third as long, without a teacher, dropout 0.3": replace(SHORT, teacher=None, dropout=0.3),
    "best, a third as long, without a teacher, dropout 0.3, with AdamW": replace(
        SHORT, teacher=None, dropout=0.3, optimizer=adam, lr=0.003
    ),
}
"""What is tried. The first six are the report's own ideas for improvement, each by itself; the others show what each
part of `fast` and of `best` is worth."""


def trained(chosen: Recipe, data: TrainingData, taught_by: State | None = None) -> State:
    """A network trained to its last epoch."""
    state = fresh_state(chosen, data, SEED, torch.device("cpu"))
    if taught_by and chosen.teacher:
        state.teacher = teacher_network(taught_by)
    for _ in range(chosen.epochs):
        epoch = run_epoch(state, data)
        print(f"  epoch {epoch.number}/{chosen.epochs}: {epoch.validation_accuracy:.2%}", file=sys.stderr, flush=True)
    return state


def measured(chosen: Recipe, state: State, data: TrainingData) -> dict[str, Any]:
    """What came of a trial."""
    return {
        "parameters": sum(values.numel() for values in cnn(len(data.names), str(chosen.network)).parameters()),
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
        "`python benchmarks/trials.py artifacts` made this table: seed 0, 55,000 training images, judged by 5,000",
        "validation images alone, each 0.02%. Seconds are for orientation: the machine was shared. What `best` comes",
        "to at its whole length is in [recipes.md](recipes.md).",
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
    teacher: State | None = None
    for name in sys.argv[2:] or [name for name in TRIALS if name not in rows]:
        print(name, file=sys.stderr, flush=True)
        chosen = TRIALS[name]
        if chosen.teacher and chosen.teacher.recipe and teacher is None:
            teacher = trained(chosen.teacher.recipe, found)
        state = trained(chosen, found, teacher)
        teacher = state if chosen is LARGE else teacher
        rows[name] = measured(chosen, state, found)
        file.write_text(json.dumps(rows, indent=1) + "\n")
        (folder / "trials.md").write_text(table(rows))
    print(table(rows))
