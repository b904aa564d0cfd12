"""Models in a process of their own; a stand-in runtime does there what hostile files do."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import psutil
import pytest

from mnistx_runtime import Predictor
from mnistx_runtime.artifact.container import Artifact, open_artifact
from mnistx_runtime.backends import backend
from mnistx_runtime.backends.isolated import IsolatedSession, isolated_session
from mnistx_runtime.bundled import BUNDLED
from mnistx_runtime.errors import ArtifactError, BackendUnavailable
from mnistx_runtime.system.process_limits import Limits

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 1, 28, 28)).astype(np.uint8)

HOSTILE = """
import ctypes, os, sys, time
import numpy as np
from mnistx_runtime.errors import BackendUnavailable

class Session:
    def run(self, images):
        what = os.environ["WHAT"]
        if what == "crash":
            ctypes.string_at(0)
        if what == "exit":
            os._exit(3)
        if what == "loop":
            while True:
                pass
        if what == "sleep":
            time.sleep(1000)
        if what == "memory":
            return np.ones(1 << 31, np.uint8)
        if what == "print":
            os.write(1, b"no answer\\n"); print("nor this", flush=True); os.write(2, b"nor that\\n")
            return np.zeros((len(images), 10), np.float32)
        if what == "other shape":
            return np.zeros((1, 3), np.float32)
        raise BackendUnavailable("install it")

class Hostile:
    def check(self):
        return None
    def load(self, model, threads):
        return Session()

import mnistx_runtime.backends as backends
backends.BACKENDS["hostile"] = "sitecustomize:Hostile"
"""


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., IsolatedSession]:
    (tmp_path / "sitecustomize.py").write_text(HOSTILE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)

    def start(what: str, limits: Limits | None = None) -> IsolatedSession:
        monkeypatch.setenv("WHAT", what)
        return IsolatedSession(open_artifact(BUNDLED), "hostile", limits=limits)

    return start


def test_it_answers_as_in_this_process() -> None:
    artifact = open_artifact(BUNDLED)
    with isolated_session(artifact, "ort") as session:
        assert np.array_equal(session.run(IMAGES), backend("ort").load(artifact, 1).run(IMAGES))
        assert session.metadata == artifact.metadata and len(session.certificate.images)
        assert session.run(IMAGES[:0]).shape == (0, 10)


def test_threads_take_turns() -> None:
    predictor = Predictor(isolated=True)
    expected = predictor.log_probs(IMAGES)
    found: list[Any] = [None] * 8

    def ask(k: int) -> None:
        found[k] = [predictor.log_probs(IMAGES[:n]) for n in range(1, 6)]

    threads = [Thread(target=ask, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for answers in found:
        for n, answer in enumerate(answers, 1):
            np.testing.assert_allclose(answer, expected[:n], atol=1e-5)


@pytest.mark.parametrize(
    ("what", "limits", "reason"),
    [
        ("crash", None, "it ended the process that ran it: SIGSEGV"),
        ("exit", None, "it ended the process that ran it: exit code 3"),
        ("loop", Limits(1, 4 << 30), "it took more than 1 s of CPU time"),
        ("memory", Limits(60, 1 << 30), "Unable to allocate"),
        ("other shape", None, "it doesn't answer 5 images with a row of classes each"),
    ],
)
def test_what_a_model_does_there_is_an_error_here(
    hostile: Callable[..., IsolatedSession], what: str, limits: Limits | None, reason: str
) -> None:
    session = hostile(what, limits)
    with pytest.raises(ArtifactError, match=reason):
        session.run(IMAGES)
    session.close()


def test_a_model_that_only_waits_is_ended(
    hostile: Callable[..., IsolatedSession], monkeypatch: pytest.MonkeyPatch
) -> None:
    session = hostile("sleep", Limits(1, 4 << 30))
    monkeypatch.setattr("mnistx_runtime.backends.isolated.PATIENCE", 1)
    with pytest.raises(ArtifactError, match="was killed"):
        session.run(IMAGES)


def test_what_libraries_print_is_no_answer(
    hostile: Callable[..., IsolatedSession], capfd: pytest.CaptureFixture[str]
) -> None:
    assert not hostile("print").run(IMAGES).any()
    assert capfd.readouterr() == ("", "")


def test_errors_keep_their_kind(hostile: Callable[..., IsolatedSession]) -> None:
    with pytest.raises(BackendUnavailable, match="install it"):
        hostile("").run(IMAGES)


def test_one_that_can_not_be_loaded_says_why() -> None:
    bundled = open_artifact(BUNDLED)
    spoiled = Artifact(bundled.path, {".onnx": bundled.files[".onnx"].replace(b"MaxPool", b"MaxPole")})
    with pytest.raises(ArtifactError, match="MaxPole"), isolated_session(spoiled, "ort"):
        pass


def test_it_ends_with_its_session() -> None:
    with isolated_session(open_artifact(BUNDLED), "ort") as session:
        assert isinstance(session, IsolatedSession)
        process = session._process
        assert process.poll() is None
    assert process.poll() is not None
    predictor = Predictor(isolated=True)
    process = predictor._session._process  # type: ignore[attr-defined]
    del predictor
    assert process.wait(10) is not None


def test_it_ends_with_a_caller_that_is_killed_while_it_computes(hostile: Callable[..., IsolatedSession]) -> None:
    hostile("sleep").close()  # the environment is the caller's, too
    script = (
        "import numpy as np\n"
        "from mnistx_runtime.artifact.container import open_artifact\n"
        "from mnistx_runtime.backends.isolated import IsolatedSession\n"
        "from mnistx_runtime.predictor import BUNDLED\n"
        "session = IsolatedSession(open_artifact(BUNDLED), 'hostile')\n"
        "print(session._process.pid, flush=True)\n"
        "session.run(np.zeros((1, 1, 28, 28), np.uint8))\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as caller:
        assert caller.stdout
        process = psutil.Process(int(caller.stdout.readline()))
        caller.kill()
    process.wait(60)


def test_a_module_in_the_current_folder_is_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("numpy", "json", "random"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('taken from the current folder')")
    monkeypatch.chdir(tmp_path)
    with isolated_session(open_artifact(BUNDLED), "ort") as session:
        assert session.run(IMAGES).shape == (5, 10)
