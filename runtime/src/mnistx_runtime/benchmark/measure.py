"""Runs the workers in turn, so that a machine that drifts hurts all of them alike."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistx_runtime.artifact.container import files_of
from mnistx_runtime.artifact.parity import compare
from mnistx_runtime.benchmark.evaluation_set import EvaluationSet
from mnistx_runtime.benchmark.libraries import LIBRARIES, installed_bytes
from mnistx_runtime.errors import BackendUnavailable
from mnistx_runtime.system.process_pool import SAFE_PATH

_ROUNDS = 12
_SECONDS = 0.08  # of one measurement in one round
_ONCE = ("import_ms", "load_ms", "first_ms")
_COLD = 3  # processes started anew, for what happens once a process


@dataclass(frozen=True)
class Row:
    """One artifact under one runtime. Times are medians over all rounds unless named otherwise.

    Args:
        artifact: the file.
        runtime: what ran it.
        file_bytes: of the artifact.
        installed_bytes: of the runtime's library and all that it needs.
        import_ms: of the library, in a fresh process.
        load_ms: of the model.
        first_ms: of the first image.
        p50_us: of one image.
        p95_us: 95th percentile.
        p99_us: 99th percentile.
        beside_first: p50 over that of the first row, the median of all rounds.
        beside_first_low: its lower quartile over the rounds.
        beside_first_high: its upper quartile.
        images_per_second: by batch size.
        sgemm_share: of this machine's SGEMM rate on one core, reached by the best batch on `threads` threads, 0..1,
            held to the rate of the same round, the median of all rounds; None where the artifact doesn't say how many
            operations an image takes.
        peak_mib: memory of the process after all images were answered.
        idle_ms: CPU time burnt in a second without work.
        overhead_us: what the toolkit adds to a bare `session.run`; None for other runtimes than ONNX Runtime.
        overhead_share: the same as a share of the bare call's time, measured in turn, the median of all rounds.
        accuracy: share of the test images read right, 0..1; None without them.
        max_abs: largest difference of log-probabilities from the trained module's.
        changed: predictions that differ.
        compared: images they were compared on.
    """

    artifact: str
    runtime: str
    file_bytes: int
    installed_bytes: int
    import_ms: float
    load_ms: float
    first_ms: float
    p50_us: float
    p95_us: float
    p99_us: float
    beside_first: float
    beside_first_low: float
    beside_first_high: float
    images_per_second: dict[int, float]
    sgemm_share: float | None
    peak_mib: float
    idle_ms: float
    overhead_us: float | None
    overhead_share: float | None
    accuracy: float | None
    max_abs: float
    changed: int
    compared: int

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return asdict(self)


@dataclass(frozen=True)
class Settings:
    """How artifacts are measured.

    Args:
        threads: the most that each may compute with.
        batches: sizes whose throughput is measured.
        allow_foreign: see `mnistx_runtime.open_artifact`.
    """

    threads: int = 1
    batches: tuple[int, ...] = ()
    allow_foreign: bool = False


class _Worker:
    """A process that measures; see `worker`."""

    def __init__(self, *args: str) -> None:
        command = [sys.executable, "-m", "mnistx_runtime.benchmark.worker", *args]
        one = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        pipe = subprocess.PIPE
        self._what = " under ".join(args[:2])
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=self._errors, env=os.environ | SAFE_PATH | one
        )
        try:
            self.started = self._answer()
        except BaseException:
            self.close()
            raise

    def ask(self, **asked: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # the answer that doesn't come says why
            self._process.stdin.write((json.dumps(asked) + "\n").encode())
            self._process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        """End it, whatever it does."""
        if not self._errors.closed:
            self._process.kill()
            self._process.communicate()
            self._errors.close()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.endswith(b"\n"):
            raise BackendUnavailable(f"{self._what}: the measuring process ended: {self._reason()}")
        found: dict[str, Any] = json.loads(line)
        return found

    def _reason(self) -> str:
        """The signal that ended it, or else the last line of its errors."""
        code = self._process.wait()
        if code < 0:
            return signal.Signals(-code).name
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"exit code {code}"


def measure(
    artifacts: Sequence[tuple[Path, str]],
    images: EvaluationSet,
    settings: Settings,
    progress: Callable[[str], None],
) -> tuple[list[Row], float]:
    """Measure artifacts side by side.

    Args:
        artifacts: each with the runtime that runs it.
        images: what they answer.
        settings: how.
        progress: told what goes on.

    Returns:
        A row for each, and the machine's SGEMM rate on one core in GFLOP/s.

    Raises:
        BackendUnavailable: one of them can't be measured.
    """
    batches, foreign = settings.batches, ["--allow-foreign"] * settings.allow_foreign
    with ExitStack() as stack:
        cold = []
        for turn in range(_COLD):
            progress(f"starting processes, {turn + 1} of {_COLD}")
            started = []
            for path, runtime in artifacts:
                started.append(_Worker(str(path), runtime, str(settings.threads), *foreign))
                stack.callback(started[-1].close)
            cold.append([worker.started for worker in started])
            if turn < _COLD - 1:
                for worker in started:
                    worker.close()
        workers = started
        rate = _Worker("sgemm")
        stack.callback(rate.close)
        rounds: list[list[dict[int, list[float]]]] = []
        gflops, idle, overheads, shares = [], *([list[float]() for _ in workers] for _ in range(3))
        for number in range(_ROUNDS):
            progress(f"round {number + 1} of {_ROUNDS}")
            gflops.append(rate.ask(seconds=_SECONDS)["gflops"])
            rounds.append([])
            for k, (worker, (_, runtime)) in enumerate(zip(workers, artifacts, strict=True)):
                sizes = (1, *batches)
                rounds[-1].append({n: worker.ask(do="time", batch=n, seconds=_SECONDS)["us"] for n in sizes})
                if runtime == "ort":
                    found = worker.ask(do="overhead", seconds=_SECONDS)
                    ours, bare = (float(np.median(found[name])) for name in ("ours_us", "bare_us"))
                    overheads[k].append(ours - bare)
                    shares[k].append(ours / bare - 1)
        for k, worker in enumerate(workers):
            idle[k].append(worker.ask(do="idle", seconds=1)["idle_ms"])
        progress("answering all images")
        answers = [_answers(worker, images.images) for worker in workers]
        progress("")
    peak = max(gflops)
    rows = []
    for k, (path, runtime) in enumerate(artifacts):
        single = np.concatenate([each[k][1] for each in rounds])
        beside = [np.median(each[k][1]) / np.median(each[0][1]) for each in rounds]
        rates = {n: n * 1e6 / float(np.median(np.concatenate([each[k][n] for each in rounds]))) for n in batches}
        sized = [{n: each[k][n] for n in batches} for each in rounds]
        log_probs, peak_mib = answers[k]
        parity = compare(log_probs, images.log_probs)
        flops = workers[k].started["flops"]
        once = {name: float(np.median([each[k][name] for each in cold])) for name in _ONCE}
        rows.append(
            Row(
                artifact=str(path),
                runtime=runtime,
                file_bytes=sum(file.stat().st_size for file in files_of(path)),
                installed_bytes=installed_bytes(LIBRARIES[runtime].distribution),
                p50_us=float(np.percentile(single, 50)),
                p95_us=float(np.percentile(single, 95)),
                p99_us=float(np.percentile(single, 99)),
                beside_first=float(np.median(beside)),
                beside_first_low=float(np.percentile(beside, 25)),
                beside_first_high=float(np.percentile(beside, 75)),
                images_per_second=rates,
                sgemm_share=_sgemm_share(sized, gflops, flops) if flops else None,
                peak_mib=peak_mib,
                idle_ms=float(np.median(idle[k])),
                overhead_us=float(np.median(overheads[k])) if overheads[k] else None,
                overhead_share=float(np.median(shares[k])) if shares[k] else None,
                accuracy=None if images.labels is None else float((log_probs.argmax(1) == images.labels).mean()),
                max_abs=parity.max_abs,
                changed=parity.changed,
                compared=parity.count,
                **once,
            )
        )
    return rows, peak


def _sgemm_share(rounds: Sequence[dict[int, list[float]]], gflops: Sequence[float], flops: float) -> float:
    """See `Row`; of each round the microseconds by batch size and the SGEMM rate."""
    best = [max(size / np.median(times) for size, times in each.items()) for each in rounds]  # images in a microsecond
    return float(np.median([rate * flops / 1e3 / peak for rate, peak in zip(best, gflops, strict=True)]))


def _answers(worker: _Worker, images: NDArray[np.uint8]) -> tuple[NDArray[np.float32], float]:
    with tempfile.TemporaryDirectory() as folder:
        asked, to = Path(folder) / "images.npy", Path(folder) / "answers.npy"
        np.save(asked, images)
        peak: float = worker.ask(do="answers", images=str(asked), to=str(to))["peak_mib"]
        return np.load(to), peak
