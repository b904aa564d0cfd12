"""What a program that embeds the runtime may rely on, whichever runtime it is; see docs/embedding.md."""

import functools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from command import PICTURES, ROOT
from mnistx_runtime.backends import BACKENDS

PATHS = [str(ROOT / name / "src") for name in ("runtime", "train", "export")]
LOAD = f"import sys; sys.path[:0] = {PATHS!r}\n" + (
    "import numpy as np; from mnistx_runtime import Predictor\n"
    "predictor = Predictor(*sys.argv[1:3])\n"
    "images = np.random.default_rng(0).integers(0, 256, (70, 1, 28, 28)).astype(np.uint8)\n"
    "one, batch = predictor.log_probs(images[:1]).tobytes(), predictor.log_probs(images)\n"
)
"""A program with a model and a runtime as its arguments."""

THREADS = """
from concurrent.futures import ThreadPoolExecutor
alone = [predictor.log_probs(images[at : at + 1]).tobytes() for at in range(len(images))]
def count_changed(seed):
    order = np.random.default_rng(seed).permutation(len(images)).tolist()
    singles = sum(predictor.log_probs(images[at : at + 1]).tobytes() != alone[at] for at in order)
    return singles + (predictor.log_probs(images).tobytes() != batch.tobytes())
with ThreadPoolExecutor(8) as pool:
    print(sum(pool.map(count_changed, range(16))))
"""

IDLE = """
import time
time.sleep(0.3)
before = time.process_time()
time.sleep(1)
print(time.process_time() - before)
"""

FORK = """
import os, signal, sys, threading, warnings
if not hasattr(os, "fork"):
    sys.exit()
warnings.simplefilter("ignore")
stop = threading.Event()
def work():
    while not stop.is_set():
        predictor.log_probs(images[:1])
threads = [threading.Thread(target=work) for _ in range(3)]
for thread in threads:
    thread.start()
for _ in range(30):
    child = os.fork()
    if not child:
        signal.alarm(60)  # ends a child that hangs
        same = predictor.log_probs(images[:1]).tobytes() == one
        near = np.abs(predictor.log_probs(images) - batch).max() < 1e-4
        os._exit(0 if same and near else 3)
    ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if ended:
        break
stop.set()
for thread in threads:
    thread.join()
print(ended)
"""

PREDICT = LOAD + f"print(predictor.predict({str(PICTURES / 'seven.jpg')!r}).name, batch.shape)"

every_runtime = pytest.mark.parametrize(
    "runtime", [pytest.param(name, marks=pytest.mark.slow if name != "ort" else ()) for name in BACKENDS]
)
Artifacts = Callable[[str], Path]
Behaviour = Callable[[str], list[float]]


def run(code: str, artifact: Path, runtime: str, *options: str, **env: str) -> str:
    """What a program prints, in an environment that has these variables and no other."""
    command = [sys.executable, *options, "-c", code, str(artifact), runtime]
    kept = {name: os.environ[name] for name in ("SYSTEMROOT", "OPENBLAS_CORETYPE") if name in os.environ}
    done = subprocess.run(command, capture_output=True, text=True, env=kept | env, timeout=400, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def behaviour(artifact_of: Artifacts) -> Callable[[str], list[float]]:
    """Of a runtime, by one process: bits changed by threads, seconds of CPU in an idle one, a forked child's end."""

    @functools.cache
    def measure(runtime: str) -> list[float]:
        return [float(line) for line in run(LOAD + THREADS + IDLE + FORK, artifact_of(runtime), runtime).splitlines()]

    return measure


@every_runtime
def test_eight_threads_share_a_predictor_and_no_bit_of_an_answer_changes(runtime: str, behaviour: Behaviour) -> None:
    assert behaviour(runtime)[0] == 0


@every_runtime
def test_who_waits_burns_no_cpu(runtime: str, behaviour: Behaviour) -> None:
    assert behaviour(runtime)[1] < 0.2  # of a second; one that spins takes all of it


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system doesn't fork")
@every_runtime
def test_children_forked_while_threads_predict_answer_alike(runtime: str, behaviour: Behaviour) -> None:
    assert behaviour(runtime)[2] == 0


@every_runtime
def test_it_runs_isolated_optimized_without_a_home_and_in_ascii(runtime: str, artifact_of: Artifacts) -> None:
    found = run(
        PREDICT, artifact_of(runtime), runtime, "-I", "-OO", "-X", "utf8=0", LC_ALL="C", PYTHONCOERCECLOCALE="0"
    )
    assert found.strip() == "7 (70, 10)"


READ_ONLY = """
cut -d' ' -f2 /proc/self/mounts | while read -r place; do mount -o remount,bind,ro "$place" 2>/dev/null; done
touch "$1/no" 2>/dev/null && exit 99
shift
exec "$@"
"""


@pytest.mark.skipif(not shutil.which("unshare"), reason="needs unshare, of util-linux")
@every_runtime
def test_it_runs_where_nothing_can_be_written(runtime: str, artifact_of: Artifacts, tmp_path: Path) -> None:
    program = [sys.executable, "-c", PREDICT, str(artifact_of(runtime)), runtime]
    command = ["unshare", "-rm", "sh", "-c", READ_ONLY, "sh", str(tmp_path), *program]
    done = subprocess.run(command, capture_output=True, text=True, env={"PATH": os.environ["PATH"]}, check=False)
    if done.returncode == 99 or "unshare:" in done.stderr:
        pytest.skip("may not mount here")
    if runtime in ("pt2", "executorch", "torch", "ncnn", "c"):  # these ask for a temporary folder
        assert "No usable temporary directory" in done.stderr.splitlines()[-1]
    else:
        assert (done.stdout.strip(), done.stderr, done.returncode) == ("7 (70, 10)", "", 0)


STATE = """
import gc, json, locale, os, signal, sys, threading, warnings
def state():
    return {
        "warnings": [str(each) for each in warnings.filters], "environ": dict(os.environ), "gc": gc.isenabled(),
        "frozen": gc.get_freeze_count(), "locale": locale.setlocale(locale.LC_ALL), "threads": threading.active_count(),
        "signals": [str(signal.getsignal(each)) for each in signal.valid_signals()], "hook": str(sys.excepthook),
        "pixels": getattr(sys.modules.get("PIL.Image"), "MAX_IMAGE_PIXELS", None), "folder": os.getcwd(),
        "umask": os.umask(os.umask(0)), "switch": sys.getswitchinterval(), "recursion": sys.getrecursionlimit(),
        "errors": np.geterr(), "random": str(np.random.get_state()[1][:5]),
    }
import numpy as np, onnxruntime, PIL.Image
os.environ.pop("ORT_DISABLE_TELEMETRY", None)
before = state()
import importlib, pkgutil, mnistx_runtime
for module in pkgutil.walk_packages(mnistx_runtime.__path__, "mnistx_runtime."):
    if "__main__" not in module.name:
        importlib.import_module(module.name)
predictor = mnistx_runtime.Predictor()
predictor.predict(sys.argv[1])
after = state()
print(json.dumps({name: [before[name], after[name]] for name in before if before[name] != after[name]}))
"""


def test_importing_everything_and_predicting_changes_nothing_of_the_process() -> None:
    command = [sys.executable, "-c", STATE, str(PICTURES / "seven.jpg")]
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    changed = json.loads(done.stdout)
    (before, after) = changed.pop("environ")
    assert changed == {} and after == before | {"ORT_DISABLE_TELEMETRY": "1"}
