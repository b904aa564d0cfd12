"""What TorchScript and torch.export share: a loaded module that torch runs."""

import os
from collections.abc import Iterator, Sized
from contextlib import contextmanager
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistx_runtime.artifact.container import Artifact
from mnistx_runtime.backends import ArtifactSession, chunk_of, in_chunks
from mnistx_runtime.errors import ArtifactError, BackendUnavailable, describe_error


def import_torch() -> Any:
    """The package torch.

    Raises:
        BackendUnavailable: it's installed and can't be loaded.
    """
    try:
        import torch
    except (ImportError, OSError, RuntimeError) as error:
        raise BackendUnavailable(f"torch is installed and can't be loaded: {describe_error(error)}") from error
    return torch


class _Threads:
    """How many sessions compute at the moment, and the number of threads to go back to when none does."""

    lock = Lock()
    running = 0
    before = 1
    process = os.getpid()


@contextmanager
def torch_threads(most: int, images: Sized) -> Iterator[None]:
    """Let torch compute on one thread where there is one image, else on `most`; then on as many as before.

    torch keeps one number for the whole process, and a copy in each thread that has used it. A child that was forked
    computes on one: the threads of the pool stayed with its parent, and it would wait for them for ever.
    """
    torch = import_torch()
    with _Threads.lock:
        if not _Threads.running:
            _Threads.before = torch.get_num_threads()
        _Threads.running += 1
        torch.set_num_threads(most if len(images) > 1 and os.getpid() == _Threads.process else 1)
    try:
        yield
    finally:
        with _Threads.lock:
            _Threads.running -= 1
            torch.set_num_threads(_Threads.before)


class TorchSession(ArtifactSession):
    """A module that torch runs, operator by operator."""

    def __init__(self, artifact: Artifact, module: Any, threads: int, kind: str) -> None:
        """Keep the artifact, its callable module, the most threads to compute with, and what to call it."""
        super().__init__(artifact)
        self._module, self._threads, self._kind = module, threads, kind

    def run(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See `Session.run`."""
        with torch_threads(self._threads, images):
            return in_chunks(self._run, images, chunk_of(images.shape[1:]))

    def _run(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        torch = import_torch()
        try:
            with torch.inference_mode():
                found: NDArray[np.float32] = self._module(torch.from_numpy(images)).numpy()
                return found
        except (RuntimeError, AttributeError, IndexError) as error:
            reason = describe_error(error)
            raise ArtifactError(f"the {self._kind} doesn't take and give what mnistx's do: {reason}") from error
