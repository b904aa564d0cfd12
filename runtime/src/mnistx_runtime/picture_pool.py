"""Processes that prepare pictures of strangers; one that crashes, holds or fills its process costs no other picture."""

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from functools import partial
from types import TracebackType
from typing import Generic, TypeVar

from mnistx_runtime.errors import UnreadablePicture
from mnistx_runtime.pictures import Source, source_name
from mnistx_runtime.system.process_limits import Limits, limit_process
from mnistx_runtime.system.process_pool import process_pool, unless_ended
from mnistx_runtime.system.streams import own_process

R = TypeVar("R")

WORKER = Limits(seconds=60, memory=2 << 30)
"""What a process of the pool may take for a picture; the decoders of pictures that pass take a few seconds at most."""

CHUNK = 8  # pictures that a process takes at a time


class PicturePool(Generic[R]):
    """Some processes, started when they are first needed; to be closed, as by `with`.

    Args:
        attempt: what to do with a picture; a function of a module, or a partial of one.
        processes: that do it.
    """

    def __init__(self, attempt: Callable[[Source], R], processes: int) -> None:
        """Start none yet."""
        self._attempt, self._processes = attempt, processes
        self._stack = ExitStack()
        self._pool: ProcessPoolExecutor | None = None

    def prepare(self, sources: Sequence[Source]) -> Generator[R | UnreadablePicture, None, None]:
        """What each picture gives, in their order; an error for one that ends its process.

        Raises:
            BadInput: the processes can't be started.
        """
        done = 0
        while done < len(sources):
            try:
                if self._pool is None:
                    self._pool = self._stack.enter_context(process_pool(self._processes))
                work = partial(unless_ended, partial(_within_limits, self._attempt))
                for found in self._pool.map(work, sources[done:], chunksize=CHUNK):
                    done += 1
                    yield found
            except BrokenProcessPool:
                self.close()
                for source in sources[done : done + CHUNK]:
                    done += 1
                    yield _alone(source, self._attempt)

    def close(self) -> None:
        """End the processes."""
        self._pool = None
        self._stack.close()

    def __enter__(self) -> "PicturePool[R]":
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the processes."""
        self.close()


def _alone(source: Source, attempt: Callable[[Source], R]) -> R | UnreadablePicture:
    """What a picture gives in a process of its own, which it may kill."""
    try:
        with process_pool(1) as pool:
            return pool.submit(_within_limits, attempt, source).result()
    except BrokenProcessPool:
        reason = f"its decoder crashed, or took more than {WORKER.seconds} s"
        return UnreadablePicture(f"{source_name(source) or 'the picture'} can't be read as a picture: {reason}")


def _within_limits(attempt: Callable[[Source], R], source: Source) -> R:
    """What a process of the pool does with a picture; the process ends where it takes more than `WORKER`."""
    limit_process(WORKER)
    with own_process():
        return attempt(source)
