"""Publishes how accurate and how quick the recipes are, over five seeds each: every run is a process of its own.

`python tests/seeds.py FOLDER RUNS` trains what has no row yet into run folders under RUNS, and writes recipes.json and
recipes.md into FOLDER. The report's recipe and `fast` take turns, seed by seed, then `best` follows: an idle machine
gives times that can be compared. A run's test images are read once, at its end.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import mean, median, stdev
from typing import Any

import torch

from mnistx_runtime.benchmark.processor import processor

SEEDS = range(5)
ORDER = [(recipe, seed) for seed in SEEDS for recipe in ("report", "fast")] + [("best", seed) for seed in SEEDS]
"""What is trained, in this order."""


def trained(recipe: str, seed: int, folder: Path) -> dict[str, Any]:
    """Train once, as a user would, and say what came of it."""
    command = [sys.executable, "-m", "mnistx_runtime", "train", "--recipe", recipe, "--seed", str(seed)]
    began = time.time()
    subprocess.run([*command, "--device", "cpu", "--out", folder], check=True, stdout=subprocess.DEVNULL)
    ended = time.time()
    measures = json.loads((folder / "metrics.json").read_text())
    return {
        "recipe": recipe,
        "seed": seed,
        "epochs": len(measures["epochs"]),
        "validation_accuracy": measures["epochs"][-1]["validation_accuracy"],
        "test_accuracy": measures["test"]["accuracy"],
        "seconds_to_checkpoint": round((folder / "model.safetensors").stat().st_mtime - began, 2),
        "seconds": round(ended - began, 2),
    }


def spread(values: list[float], form: str) -> str:
    """The median, and between what."""
    return f"{median(values):{form}} ({min(values):{form}} to {max(values):{form}})"


def table(found: dict[str, Any]) -> str:
    """The runs as Markdown: a row a recipe."""
    rows = found["runs"]
    lines = [
        "# Five seeds of each recipe",
        "",
        "`python tests/seeds.py FOLDER RUNS` made this table: seeds 0 to 4, 55,000 training images, 5,000 validation",
        "images, all 10,000 test images, read once a run. Seconds from the start of the process to the saved",
        "checkpoint and how many times as quick as the report's recipe, pair by pair: median and range, on",
        f"{found['threads']} threads of {found['processor']}.",
        "",
        "| recipe | epochs | test accuracy, mean | spread | each | validation, mean | seconds | times as quick |",
        "|---|---|---|---|---|---|---|---|",
    ]
    of = {recipe: [row for row in rows if row["recipe"] == recipe] for recipe in ("report", "fast", "best")}
    for recipe, runs in of.items():
        if not runs:
            continue
        tests, seconds = [row["test_accuracy"] for row in runs], [row["seconds_to_checkpoint"] for row in runs]
        ratios = [
            base["seconds_to_checkpoint"] / row["seconds_to_checkpoint"]
            for base, row in zip(of["report"], runs, strict=False)
        ]
        deviation = f"{stdev(tests):.3%}" if len(tests) > 1 else ""
        lines.append(
            f"| {recipe} | {runs[0]['epochs']} | {mean(tests):.3%} | {deviation} | "
            f"{', '.join(f'{value:.2%}' for value in tests)} | "
            f"{mean(row['validation_accuracy'] for row in runs):.2%} | {spread(seconds, '.1f')} | "
            f"{spread(ratios, '.3g')} |"
        )
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    folder, runs = Path(sys.argv[1]), Path(sys.argv[2])
    file = folder / "recipes.json"
    found = json.loads(file.read_text()) if file.exists() else {}
    found |= {"processor": processor(), "threads": torch.get_num_threads(), "cpus": os.cpu_count()}
    found.setdefault("runs", [])
    for recipe, seed in ORDER:
        if not any((row["recipe"], row["seed"]) == (recipe, seed) for row in found["runs"]):
            found["runs"].append(trained(recipe, seed, runs / f"{recipe}-{seed}"))
            print(found["runs"][-1], file=sys.stderr, flush=True)
            file.write_text(json.dumps(found, indent=1) + "\n")
            (folder / "recipes.md").write_text(table(found))
    print(table(found))
