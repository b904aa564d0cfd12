"""The process in which one artifact is measured: `python -m mnistx_runtime.benchmark.worker ARTIFACT RUNTIME THREADS
[--allow-foreign]`.

It loads the model and says how long that took; then it answers one request a line, JSON on both sides.
"""

import json
import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

Answer = dict[str, Any]


def _milliseconds(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    found = work()
    return (time.perf_counter() - began) * 1e3, found


def _times(run: Callable[[Any], Any], images: Any, seconds: float) -> list[float]:
    """Microseconds of one call after the other."""
    found: list[float] = []
    until = time.perf_counter() + seconds
    while not found or time.perf_counter() < until:
        began = time.perf_counter()
        run(images)
        found.append((time.perf_counter() - began) * 1e6)
    return found


def _batch(images: Any, count: int) -> Any:
    import numpy as np

    return np.ascontiguousarray(np.resize(images, (count, *images.shape[1:])))


def peak_mib() -> float:
    """Of this process since it began; Linux's ru_maxrss would count the one that started it.

    Raises:
        BackendUnavailable: on Windows, psutil is missing.
    """
    if sys.platform == "win32":
        from mnistx_runtime.errors import BackendUnavailable
        from mnistx_runtime.registry import missing

        if line := missing("benchmark", "psutil"):
            raise BackendUnavailable(line)
        import psutil

        return psutil.Process().memory_info().peak_wset / (1 << 20)
    if sys.platform == "linux":
        with open("/proc/self/status") as status:  # noqa: PTH123
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / (1 << 10)
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)


def _idle_ms(seconds: float) -> float:
    """Milliseconds of CPU that all threads burn in a while without work."""
    began = time.process_time()
    time.sleep(seconds)
    return (time.process_time() - began) * 1e3


def _sgemm(seconds: float) -> float:
    """GFLOP/s of numpy's single-precision product of two 1024 x 1024 matrices: the best of the while."""
    import numpy as np

    a = np.random.default_rng(0).random((1024, 1024), np.float32)
    return float(2 * 1024**3 / min(_times(lambda m: m @ m, a, seconds)) / 1e3)


def model_worker(path: str, runtime: str, threads: int, allow_foreign: bool) -> None:
    """Serve requests about one artifact until standard input ends."""
    from mnistx_runtime.benchmark.libraries import LIBRARIES

    import_ms, _ = _milliseconds(lambda: import_module(LIBRARIES[runtime].module))

    from mnistx_runtime.backends import artifact_for, trusted_model
    from mnistx_runtime.predictor import Predictor

    def load() -> Predictor:
        return Predictor(trusted_model(path, runtime, allow_foreign), runtime, threads)

    load_ms, predictor = _milliseconds(load)
    images = predictor.certificate.images
    first_ms, _ = _milliseconds(lambda: predictor.log_probs(images[:1]))
    _say({"import_ms": import_ms, "load_ms": load_ms, "first_ms": first_ms, "flops": predictor.metadata.flops})
    for line in sys.stdin:
        asked = json.loads(line)
        if asked["do"] == "time":
            _say({"us": _times(predictor.log_probs, _batch(images, asked["batch"]), asked["seconds"])})
        elif asked["do"] == "overhead":
            _say(_overhead(artifact_for(path, "ort", allow_foreign), predictor, images[:1], asked["seconds"]))
        elif asked["do"] == "idle":
            _say({"idle_ms": _idle_ms(asked["seconds"])})
        elif asked["do"] == "answers":
            import numpy as np

            np.save(asked["to"], predictor.log_probs(np.load(asked["images"])))
            _say({"peak_mib": peak_mib()})


def _overhead(artifact: Any, predictor: Any, image: Any, seconds: float) -> Answer:
    """Microseconds of the toolkit's call beside a bare session's, in turn."""
    from mnistx_runtime.backends.ort import load_session, model_bytes

    session = load_session(model_bytes(artifact), artifact.path, artifact.allow_foreign)
    ours, bare = [], []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        ours += _times(predictor.log_probs, image, 0)
        bare += _times(lambda i: session.run(["log_probs"], {"image": i}), image, 0)
    return {"ours_us": ours, "bare_us": bare}


def _say(answer: Answer) -> None:
    print(json.dumps(answer), file=_STDOUT, flush=True)


if __name__ == "__main__":
    import os

    _STDOUT = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is none of the answers
    if sys.argv[1:] == ["sgemm"]:
        _say({})
        for line in sys.stdin:
            _say({"gflops": _sgemm(json.loads(line)["seconds"])})
    else:
        model_worker(sys.argv[1], sys.argv[2], int(sys.argv[3]), bool(sys.argv[4:]))
