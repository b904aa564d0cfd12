"""Run folders that can't be gone on with, or are in the way."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bad.case import Case, both, empty, half, pipe, write

_RESUME = "mnistx train --resume --out run"


def _run(change: Callable[[Path], object]) -> Callable[[Path], object]:
    """A run that was stopped, and then changed."""

    def make(folder: Path) -> None:
        shutil.copytree(folder / "good/run", folder / "run")
        for name in ("model.safetensors", "report.html", "metrics.json"):
            (folder / "run" / name).unlink()
        change(folder / "run")

    return make


def _config(**values: Any) -> Callable[[Path], object]:
    def change(run: Path) -> None:
        file = run / "run.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | values))

    return _run(change)


def _cut(run: Path) -> None:
    (run / "state.safetensors").write_bytes(half((run.parent / "good/run/model.safetensors").read_bytes()))


CASES = (
    Case("a pipe as run.json", _RESUME, both(empty("run"), pipe("run/run.json"))),
    Case("no run to go on with", "mnistx train --resume"),
    Case("a folder without a run", "mnistx train --resume --out in", empty("in")),
    Case("a file as a run", "mnistx train --resume --out good/run/model.safetensors"),
    Case("a finished run", "mnistx train --resume --out run", lambda f: shutil.copytree(f / "good/run", f / "run")),
    Case("a run in the way", "mnistx train --dataset good/d.npz --out run", _config()),
    Case("run.json that ends in the middle", _RESUME, _run(lambda run: write("run.json", '{"dataset": ')(run))),
    Case("run.json nested 100,000 deep", _RESUME, _run(lambda run: write("run.json", "[" * 100_000)(run))),
    Case("run.json that is no text", _RESUME, _run(lambda run: write("run.json", b"\xff\xfe")(run))),
    Case("100,000 threads", _RESUME, _config(threads=100_000)),
    Case("epochs that are a word", _RESUME, _config(epochs="many")),
    Case("a recipe that isn't known", _RESUME, _config(recipe="adam")),
    Case("a field that isn't known", _RESUME, _config(shell="rm -rf")),
    Case("other options than it began with", f"{_RESUME} --epochs 7", _config()),
    Case("data that are gone", _RESUME, _config(dataset="/gone/d.npz")),
    Case("other data than it began with", _RESUME, _config(data_sha256="0" * 64)),
    Case("half a state", _RESUME, _run(_cut)),
    Case("another process at it", f"flock run/.lock {_RESUME}", _config()),
)
