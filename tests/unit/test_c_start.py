"""Starts are timed, and their answers read; `benchmarks/c_start.py` measures."""

import sys
from pathlib import Path

import numpy as np
import pytest
from torch import nn

from c_start import DIGIT, Way, build, installed_bytes, measure, page
from mnistx_export import Model, export
from mnistx_runtime import InputSpec


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program that always says the digit."""
    folder = tmp_path_factory.mktemp("start")
    linear = nn.Linear(784, 10)
    nn.init.zeros_(linear.weight)
    linear.bias.data[int(DIGIT)] = 9
    module = nn.Sequential(nn.Flatten(), linear).eval()
    spec = InputSpec(channels=1, height=28, width=28, mean=(0.5,), std=(0.5,))
    export(Model(module, spec, tuple(map(str, range(10)))), "c", folder / "model.c99")
    return build(folder / "model.c99", folder / "built")


def test_a_program_of_c_takes_less_than_python(built: Path, tmp_path: Path) -> None:
    image = tmp_path / "image"
    image.write_bytes(np.zeros(784, np.uint8).tobytes())
    size = sum(path.stat().st_size for path in built.parent.iterdir())
    assert {path.name for path in built.parent.iterdir()} == {"libmodel.so", "start"} and 10_000 < size < 500_000
    ways = {"c": Way([built, image], size), "python": Way([sys.executable, "-c", f"print({DIGIT})"], 0)}
    times = measure(ways, 3, tmp_path)
    assert all(len(each) == 3 for each in times.values())
    assert min(each.memory for each in times["python"]) > 2 * max(each.memory for each in times["c"])
    assert min(each.ms for each in times["c"]) > 0
    assert len([line for line in page(ways, times).splitlines() if line.startswith(("| c ", "| python "))]) == 2


def test_a_wrong_answer_is_no_time(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="answered '3'"):
        measure({"three": Way([sys.executable, "-c", "print(3)"], 0)}, 1, tmp_path)


def test_a_package_counts_with_what_it_requires() -> None:
    numpy, runtime = installed_bytes("numpy"), installed_bytes("onnxruntime")
    assert 10_000_000 < numpy < runtime < installed_bytes("mnistx-runtime")
