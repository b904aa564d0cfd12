"""The benchmark: what it measures is there and makes sense; its budgets can be broken."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from command import mnistx, mnistx_process
from mnistx_runtime.benchmark import measure
from mnistx_runtime.bundled import BUNDLED
from mnistx_runtime.predictor import Predictor


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["no.onnx"], "no such model"),
        (["--batch", "1,x"], "--batch"),
        (["--runtimes", "tensorrt"], "known"),
        (["--runtimes", "torchscript"], "no artifact is left"),
        (["--formats", "onnx-int8"], "no artifact of format 'onnx-int8'; there are onnx"),
        (["--assert", "no.json"], "budgets"),
    ],
)
def test_what_can_not_be_measured_is_told_before_measuring(options: list[str], why: str) -> None:
    found = mnistx("benchmark", *options)
    assert found.exit_code == 2 and why in found.stderr and len(found.stderr.splitlines()) == 1


@pytest.mark.slow
def test_the_bundled_model_is_measured_in_processes_of_its_own(tmp_path: Path) -> None:
    budgets = tmp_path / "budgets.json"
    budgets.write_text(json.dumps([{"measure": "changed", "most": 0}, {"measure": "file_bytes", "most": 1000}]))
    code, out, err = mnistx_process(
        "benchmark", BUNDLED, "--batch", "8", "--assert", budgets, "--json", "--pick", "size"
    )
    measured, pick = (json.loads(line) for line in out.splitlines())
    assert code == 1 and err.splitlines()[-1].endswith("the budget is at most 1000")
    assert pick == {"pick": "size", "artifact": str(BUNDLED), "runtime": "ort"}
    assert measured["file_bytes"] == BUNDLED.stat().st_size and measured["changed"] == 0
    assert 5 < measured["p50_us"] <= measured["p95_us"] <= measured["p99_us"]
    assert measured["images_per_second"].keys() == {"8"} and 20 < measured["peak_mib"] < 1000
    assert np.isfinite(measured["overhead_us"])
    if Predictor().metadata.flops:
        assert measured["sgemm_share"] > 0
    else:  # an artifact of schema 1
        assert measured["sgemm_share"] is None


def test_a_process_that_was_killed_is_one_line_and_not_the_code_of_a_broken_budget(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ask = measure._Worker.ask

    def kill_and_ask(worker: measure._Worker, **asked: Any) -> dict[str, Any]:
        worker._process.kill()
        worker._process.wait()
        return ask(worker, **asked)

    monkeypatch.setattr(measure, "_COLD", 1)
    monkeypatch.setattr(measure._Worker, "ask", kill_and_ask)
    found = mnistx("benchmark", BUNDLED)
    assert found.exit_code == 2 and found.stdout == ""
    assert found.stderr == "Error: sgemm: the measuring process ended: SIGKILL\n"


def test_a_figure_that_would_replace_another_file_is_refused_before_measuring(tmp_path: Path) -> None:
    (tmp_path / "mine.png").write_bytes(b"mine")
    found = mnistx("benchmark", "--figure", tmp_path / "mine.png")
    assert found.exit_code == 2 and "is no figure of mnistx's" in found.stderr
    assert (tmp_path / "mine.png").read_bytes() == b"mine"
