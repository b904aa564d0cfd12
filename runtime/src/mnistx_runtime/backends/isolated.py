"""A session whose model runs in a process of its own: a file that crashes or hangs it can't do so to the caller's.

The process is `python -m mnistx_runtime.backends.isolated`. It is sent the artifact, then images, and answers with JSON
and the bytes of an array, nothing that the caller would have to trust.
"""

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from math import prod
from threading import Lock, Thread, Timer
from typing import Any, BinaryIO
from weakref import finalize

import numpy as np
from numpy.typing import NDArray

from mnistx_runtime.artifact.container import Artifact
from mnistx_runtime.backends import ArtifactSession, Session, backend
from mnistx_runtime.errors import ArtifactError, BackendUnavailable, BadInput, MnistxError, describe_error
from mnistx_runtime.system.process_limits import Limits, limit_process
from mnistx_runtime.system.process_pool import SAFE_PATH, ignore_parents_signals

TRUSTED = ("torchscript", "pt2")
"""Runtimes that stay in the caller's process: what torch's interpreter may run is held by an allow-list
(`torch_archive`), and it takes seconds to start."""

MODEL = Limits(seconds=120, memory=4 << 30)
"""What loading a model, and each call, may take of a process."""

ERRORS = {kind.__name__: kind for kind in (ArtifactError, BackendUnavailable, BadInput)}
"""What the process may answer with, by name."""

PATIENCE = 10
"""How many times as long as its CPU time a process may take on a busy machine."""


@contextmanager
def isolated_session(
    artifact: Artifact, runtime: str, threads: int = 1, limits: Limits | None = MODEL
) -> Iterator[Session]:
    """A loaded model, for as long as this lasts.

    Args:
        artifact: to load.
        runtime: that runs it, in a process of its own unless it is one of `TRUSTED`.
        threads: the most it may compute with.
        limits: of that process; None for a model of one's own, which may take its time.

    Raises:
        ArtifactError: it is damaged, made for another interface, or ended the process that ran it; so for `run`.
        BackendUnavailable: the runtime can't run here.

    >>> from mnistx_runtime.artifact.container import open_artifact
    >>> from mnistx_runtime.bundled import BUNDLED
    >>> with isolated_session(open_artifact(BUNDLED), "ort") as session:
    ...     session.run(np.zeros((2, 1, 28, 28), np.uint8)).shape
    (2, 10)
    """
    loader = backend(runtime, artifact)
    if runtime in TRUSTED:
        yield loader.load(artifact, threads)
        return
    session = IsolatedSession(artifact, runtime, threads, limits)
    try:
        yield session
    finally:
        session.close()


def load_request(artifact: Artifact, runtime: str, threads: int, limits: Limits | None) -> tuple[Any, ...]:
    """What the process is sent first; see `isolated_session`."""
    return (artifact.path, artifact.files, artifact.allow_foreign, artifact.signed), runtime, threads, limits


class IsolatedSession(ArtifactSession):
    """This end of the pipes; calls from several threads take turns."""

    def __init__(self, artifact: Artifact, runtime: str, threads: int = 1, limits: Limits | None = MODEL) -> None:
        """Start the process and load the model there; see `isolated_session`."""
        super().__init__(artifact)
        self._what = f"{artifact.path} under {runtime}"
        self._limits = limits
        self._turn = Lock()
        process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | SAFE_PATH,
        )
        self._process = process
        self.close = finalize(self, _end, process)
        try:
            self._ask(load_request(artifact, runtime, threads, limits), (0,))
        except BaseException:
            self.close()
            raise

    def run(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See `Session.run`."""
        with self._turn:
            return self._ask(images, (len(images), len(self.metadata.names)))

    def _ask(self, question: Any, shape: tuple[int, ...]) -> NDArray[np.float32]:
        asked, answers = self._process.stdin, self._process.stdout
        assert asked and answers
        with self._patience():
            with suppress(OSError):  # the answer that doesn't come says why
                pickle.dump(question, asked, pickle.HIGHEST_PROTOCOL)
                asked.flush()
            line = answers.readline()
            if not line.endswith(b"\n"):
                raise ArtifactError(f"{self._what}: {self._ending()}")
            answer = json.loads(line)
            if "error" in answer:
                raise ERRORS[answer["error"]](answer["text"])
            if answer["shape"] != list(shape):
                raise ArtifactError(f"{self._what}: it doesn't answer {shape[0]} images with a row of classes each")
            return np.frombuffer(answers.read(4 * prod(shape)), "<f4").reshape(shape).astype(np.float32)

    @contextmanager
    def _patience(self) -> Iterator[None]:
        """Within this, the process is ended if it takes too long."""
        if not self._limits:
            yield
            return
        timer = Timer(PATIENCE * self._limits.seconds, self._process.kill)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _ending(self) -> str:
        """Why the process ended."""
        code = self._process.wait()
        if self._limits and -code in (getattr(signal, "SIGXCPU", None), getattr(signal, "SIGKILL", None)):
            return f"stopped, as it took more than {self._limits.seconds} s of CPU time, or was killed"
        return f"it ended the process that ran it: {signal.Signals(-code).name if code < 0 else f'exit code {code}'}"


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.communicate()


def serve(asked: BinaryIO, answers: BinaryIO) -> None:
    """Load a model, then answer images until there are no more.

    Args:
        asked: pickles: an artifact's fields, runtime, threads and limits; then arrays of images.
        answers: for each a line of JSON, `{"error": class, "text": ...}` or `{"shape": [...]}` and float32 bytes.
    """
    given, runtime, threads, limits = pickle.load(asked)
    limit_process(limits)
    artifact = Artifact(*given)
    session, reply = _attempt(lambda: backend(runtime, artifact).load(artifact, threads))
    rows: Any = np.empty(0, np.float32)
    while True:
        reply = reply or {"shape": rows.shape}
        answers.write(json.dumps(reply).encode() + b"\n" + (b"" if "error" in reply else rows.astype("<f4").tobytes()))
        answers.flush()
        try:
            images = pickle.load(asked)
        except EOFError:
            return
        limit_process(limits)
        rows, reply = _attempt(partial(session.run, images))


def _attempt(work: Callable[[], Any]) -> tuple[Any, dict[str, Any]]:
    """What the work gives, or the reply that says why it can't."""
    try:
        return work(), {}
    except MnistxError as error:
        kind = type(error).__name__
        return None, {"error": kind if kind in ERRORS else "ArtifactError", "text": str(error)}
    except Exception as error:
        return None, {"error": "ArtifactError", "text": f"it can't be run: {describe_error(error)}"}


def _end_with(parent: int) -> None:
    """End this process when the one that started it is gone, whatever it computes."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


if __name__ == "__main__":
    Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    ignore_parents_signals()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a service manager's, which the parent answers: it drains, or ends
    pipe = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print is none of the answers
    serve(sys.stdin.buffer, pipe)
