import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from mnistx_runtime.benchmark import worker
from mnistx_runtime.bundled import BUNDLED
from mnistx_runtime.errors import BackendUnavailable
from mnistx_runtime.predictor import Predictor


def ask(args: list[str], *requests: object) -> list[dict[str, object]]:
    command = [sys.executable, "-m", "mnistx_runtime.benchmark.worker", *args]
    lines = "".join(json.dumps(request) + "\n" for request in requests)
    done = subprocess.run(command, input=lines, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_worker_answers_one_request_a_line(tmp_path: Path) -> None:
    golden = Predictor().certificate
    np.save(tmp_path / "images.npy", golden.images)
    started, timed, overhead, idle, answered = ask(
        [str(BUNDLED), "ort", "1"],
        {"do": "time", "batch": 3, "seconds": 0},
        {"do": "overhead", "seconds": 0.01},
        {"do": "idle", "seconds": 0.01},
        {"do": "answers", "images": str(tmp_path / "images.npy"), "to": str(tmp_path / "answers.npy")},
    )
    assert started.keys() == {"import_ms", "load_ms", "first_ms", "flops"}
    assert started["flops"] == Predictor().metadata.flops
    assert isinstance(timed["us"], list) and len(timed["us"]) == 1 and timed["us"][0] > 0
    assert overhead.keys() == {"ours_us", "bare_us"} and "idle_ms" in idle
    assert isinstance(answered["peak_mib"], float) and answered["peak_mib"] > 20
    assert np.abs(np.load(tmp_path / "answers.npy") - golden.log_probs).max() < 1e-4


def test_the_rate_of_the_machine_is_measured_by_the_same_protocol() -> None:
    started, rate = ask(["sgemm"], {"seconds": 0})
    assert started == {} and isinstance(rate["gflops"], float) and rate["gflops"] > 0.1


def test_a_model_that_is_missing_ends_it_with_an_error() -> None:
    with pytest.raises(subprocess.CalledProcessError):
        ask([str(BUNDLED.with_name("missing.onnx")), "ort", "1"])


def test_on_windows_the_peak_of_memory_is_psutils_and_without_it_the_line_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    process = SimpleNamespace(memory_info=lambda: SimpleNamespace(peak_wset=3 << 20))
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setitem(sys.modules, "psutil", SimpleNamespace(Process=lambda: process))
    monkeypatch.setattr("mnistx_runtime.registry.find_spec", lambda _: True)
    assert worker.peak_mib() == 3
    monkeypatch.setattr("mnistx_runtime.registry.find_spec", lambda _: None)
    with pytest.raises(BackendUnavailable, match=r"psutil is missing: pip install 'mnistx-runtime\[benchmark\]'"):
        worker.peak_mib()
