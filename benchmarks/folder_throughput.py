"""Pictures a second from a folder, of one process and of a machine's CPUs.

    python benchmarks/folder_throughput.py artifacts

Writes folder_throughput.md: a loop in Python, and `mnistx predict FOLDER --out` on one CPU and on all, process start
and the writing of answers included, in turn. All must give the same rows.
"""

import csv
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from mnistx_export.golden import draw_digit
from mnistx_runtime.benchmark.processor import processor
from mnistx_runtime.system.threads import available_cpus
from photos import Scene, photograph

DRAWN, PICTURES, ROUNDS = 64, 1024, 3
SIDE = 300  # pixels of the shorter side

LOOP = """
import csv, pathlib, sys
from mnistx_runtime import Predictor
predictor = Predictor(threads=1)
with open(sys.argv[2], "w", newline="") as file:
    rows = csv.writer(file)
    rows.writerow(["source", "label"])
    for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
        rows.writerow([path, predictor.predict(path).label])
"""
"""What a program of one's own does, in one process."""


def draw(folder: Path) -> None:
    """Photographs of digits; most are further names of the same files, which cost a reader as much."""
    folder.mkdir()
    for number in range(PICTURES):
        path = folder / f"{number:05}.jpg"
        if number < DRAWN:
            path.write_bytes(photograph(draw_digit(number % 10, number), Scene(side=SIDE), number))
        else:
            path.hardlink_to(folder / f"{number % DRAWN:05}.jpg")


def ways(folder: Path, answers: Path) -> dict[str, list[str]]:
    """The commands, by what they are called in the table."""
    predict = [sys.executable, "-m", "mnistx_runtime", "predict", str(folder), "--out", str(answers)]
    count = available_cpus()
    return {
        "one process: `Predictor.predict` in a loop": [sys.executable, "-c", LOOP, str(folder), str(answers)],
        "`mnistx predict FOLDER --threads 1`": [*predict, "--threads", "1"],
        f"`mnistx predict FOLDER`, {count} CPUs": predict,
    }


def measure() -> dict[str, list[float]]:
    """Pictures a second of each way, round by round."""
    with tempfile.TemporaryDirectory() as temporary:
        folder, answers = Path(temporary) / "pictures", Path(temporary) / "answers.csv"
        draw(folder)
        commands = ways(folder, answers)
        rates: dict[str, list[float]] = {name: [] for name in commands}
        wanted = None
        for _ in range(ROUNDS):
            for name, command in commands.items():
                answers.unlink(missing_ok=True)
                began = time.perf_counter()
                subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
                rates[name].append(PICTURES / (time.perf_counter() - began))
                rows = read_labels(answers)
                wanted = wanted or rows
                assert rows == wanted and len(rows) == PICTURES, name
        return rates


def read_labels(answers: Path) -> dict[str, str]:
    """The answer to each picture."""
    with answers.open(newline="") as file:
        return {row["source"]: row["label"] for row in csv.DictReader(file)}


def main(out: Path) -> None:
    """Write the table."""
    lines = [
        "# Pictures a second from a folder",
        "",
        f"`python benchmarks/folder_throughput.py artifacts` on {processor()}, load average {os.getloadavg()[0]:.1f}: "
        f"the bundled model, {PICTURES:,} pictures, from the start of the process to the last answer written. Medians "
        f"of {ROUNDS} rounds, in turn; all give the same answers.",
        "",
        f"| | photographs of {SIDE} pixels a second |",
        "|---|---|",
        *(f"| {name} | {format_rate(rates)} |" for name, rates in measure().items()),
    ]
    (out / "folder_throughput.md").write_text("\n".join(lines) + "\n")


def format_rate(rates: list[float]) -> str:
    """Median and range."""
    return f"{median(rates):,.0f} ({min(rates):,.0f} to {max(rates):,.0f})"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
