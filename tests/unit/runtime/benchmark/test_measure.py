import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from command import ROOT
from mnistx_runtime import BackendUnavailable
from mnistx_runtime.benchmark import measure as module
from mnistx_runtime.benchmark.evaluation_set import EvaluationSet
from mnistx_runtime.benchmark.libraries import installed_bytes
from mnistx_runtime.benchmark.measure import Settings, _sgemm_share, _Worker, measure
from mnistx_runtime.bundled import BUNDLED
from mnistx_runtime.predictor import Predictor


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("_ROUNDS", 2), ("_SECONDS", 0.005), ("_COLD", 1)):
        monkeypatch.setattr(module, name, value)


@pytest.mark.slow
@pytest.mark.usefixtures("quick")
def test_two_models_are_measured_side_by_side() -> None:
    golden = Predictor().certificate
    labels = golden.log_probs.argmax(1).astype(np.int64)
    images = EvaluationSet(golden.images, golden.log_probs, labels, "golden")
    told: list[str] = []
    released = ROOT / "artifacts" / "mnist-cnn.onnx"
    rows, peak = measure([(BUNDLED, "ort"), (released, "ort")], images, Settings(batches=(4,)), told.append)
    assert peak > 0 and told[-1] == "" and "answering all images" in told
    for row, path in zip(rows, (BUNDLED, released), strict=True):
        assert row.artifact == str(path) and row.file_bytes == path.stat().st_size
        assert row.installed_bytes == installed_bytes("onnxruntime")
        assert row.accuracy == 1.0 and row.changed == 0 and row.compared == 44 and row.max_abs < 1e-4
        assert 0 < row.p50_us <= row.p95_us <= row.p99_us and row.images_per_second[4] > 0
        assert row.beside_first_low <= row.beside_first_high
        assert row.overhead_us is not None and 20 < row.peak_mib < 1000
        flops = Predictor(path).metadata.flops
        assert (row.sgemm_share is None) == (flops == 0)
    assert rows[0].beside_first == 1


def test_the_share_of_sgemm_is_that_of_each_rounds_best_against_its_own_rate() -> None:
    fast, slow = {4: [50.0], 8: [60.0, 80.0, 400.0]}, {4: [90.0], 8: [160.0]}  # 8 images in 80 us, then in 160 us
    shares = _sgemm_share([fast, slow, slow], [200, 50, 50], flops=500e3)  # 50 of 200 GFLOP/s, then 25 of 50 twice
    assert shares == pytest.approx(0.5)


@pytest.mark.usefixtures("quick")
def test_a_process_that_ends_is_told_with_its_last_line() -> None:
    images = EvaluationSet(np.zeros((1, 1, 28, 28), np.uint8), np.zeros((1, 10)), None, "x")
    told = r"missing\.onnx under ort: the measuring process ended: .*no such model file"
    with pytest.raises(BackendUnavailable, match=told):
        measure([(BUNDLED.with_name("missing.onnx"), "ort")], images, Settings(), print)


@pytest.mark.usefixtures("quick")
def test_a_start_that_fails_leaves_no_other_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even one that is busy, and would not hear that its standard input ended."""
    started: list[subprocess.Popen[bytes]] = []

    class Popen(subprocess.Popen[bytes]):
        def __init__(self, command: list[str], **named: Any) -> None:
            if "busy.onnx" in command:
                command = [sys.executable, "-c", "print('{}', flush=True); import time; time.sleep(600)"]
            super().__init__(command, **named)
            started.append(self)

    monkeypatch.setattr("mnistx_runtime.benchmark.measure.subprocess.Popen", Popen)
    images = EvaluationSet(np.zeros((1, 1, 28, 28), np.uint8), np.zeros((1, 10)), None, "x")
    with pytest.raises(BackendUnavailable):
        measure([(Path("busy.onnx"), "ort"), (BUNDLED.with_name("missing.onnx"), "ort")], images, Settings(), print)
    assert [process.returncode for process in started] == [-signal.SIGKILL, 1]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("end", ["SIGKILL", "exit"])
def test_a_process_that_ends_between_requests_is_told_with_the_reason(end: str) -> None:
    """Whether it ends before a request, or in the middle of its answer."""
    worker = _Worker(str(BUNDLED), "ort", "1")
    if end == "SIGKILL":
        worker._process.kill()
        worker._process.wait()
    else:
        worker.ask(do="time", batch=1, seconds=0)
        assert worker._process.stdin is not None
        worker._process.stdin.close()
        worker._process.wait()
        worker._process.stdin = open(os.devnull, "wb")  # noqa: PTH123, SIM115
    told = f"{BUNDLED} under ort: the measuring process ended: {'SIGKILL' if end == 'SIGKILL' else 'exit code 0'}"
    with pytest.raises(BackendUnavailable, match=re.escape(told)):
        worker.ask(do="idle", seconds=0)
    worker.close()
    worker.close()


def test_modules_in_the_current_folder_are_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "numpy.py").write_text("raise SystemExit('taken from the current folder')")
    monkeypatch.chdir(tmp_path)
    worker = _Worker("sgemm")
    assert worker.ask(seconds=0.001)["gflops"] > 0
    worker.close()
