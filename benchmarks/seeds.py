"""Publishes how accurate and how quick the recipes are, over five seeds each: every run is a process of its own.

`python benchmarks/seeds.py FOLDER RUNS` trains what has no row of this machine yet into run folders under RUNS, and
writes recipes.json and recipes.md into FOLDER; `python benchmarks/seeds.py FOLDER RUNS report fast` trains these
recipes only. The report's recipe and `fast` take turns, seed by seed, then `best` follows: an idle machine gives times
that can be compared. A run's test images are read once, at its end.
"""

import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import mean, median, stdev
from typing import Any

import torch

from mnistx_runtime.benchmark.processor import processor

RECIPES = ("report", "fast", "best")
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


def table(runs: list[dict[str, Any]]) -> str:
    """The runs as Markdown: a part a machine, a row a recipe."""
    lines = [
        "# Five seeds of each recipe",
        "",
        "`python benchmarks/seeds.py FOLDER RUNS` made this table: seeds 0 to 4, 55,000 training, 5,000 validation",
        "images, all 10,000 test images, read once a run. Seconds from the start of the process to the saved",
        "checkpoint and how many times as quick as the report's recipe, pair by pair: median and range.",
    ]
    for where in dict.fromkeys(run["machine"] for run in runs):
        lines += [
            "",
            f"On {where}:",
            "",
            "| recipe | epochs | test accuracy, mean | spread | each | validation, mean | seconds | times as quick |",
            "|---|---|---|---|---|---|---|---|",
        ]
        of = {recipe: [run for run in runs if (run["machine"], run["recipe"]) == (where, recipe)] for recipe in RECIPES}
        lines += [row(recipe, found, of["report"]) for recipe, found in of.items() if found]
    return "\n".join([*lines, ""])


def row(recipe: str, runs: list[dict[str, Any]], base: list[dict[str, Any]]) -> str:
    """One recipe's runs, beside those of the report's recipe."""
    tests, seconds = [run["test_accuracy"] for run in runs], [run["seconds_to_checkpoint"] for run in runs]
    ratios = [one["seconds_to_checkpoint"] / run for one, run in zip(base, seconds, strict=False)]
    return (
        f"| {recipe} | {runs[0]['epochs']} | {mean(tests):.3%} | {f'{stdev(tests):.3%}' if len(tests) > 1 else ''} | "
        f"{', '.join(f'{value:.2%}' for value in tests)} | {mean(run['validation_accuracy'] for run in runs):.2%} | "
        f"{spread(seconds, '.1f')} | {spread(ratios, '.3g') if ratios else ''} |"
    )


if __name__ == "__main__":
    folder, into, chosen = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:] or RECIPES
    file = folder / "recipes.json"
    runs = json.loads(file.read_text()) if file.exists() else []
    here = f"{torch.get_num_threads()} threads of {processor()}"
    done = {(run["recipe"], run["seed"]) for run in runs if run["machine"] == here}
    for recipe, seed in ORDER:
        if recipe in chosen and (recipe, seed) not in done:
            runs.append({"machine": here, **trained(recipe, seed, into / f"{recipe}-{seed}")})
            print(runs[-1], file=sys.stderr, flush=True)
            file.write_text(json.dumps(runs, indent=1) + "\n")
            (folder / "recipes.md").write_text(table(runs))
    print(table(runs))
