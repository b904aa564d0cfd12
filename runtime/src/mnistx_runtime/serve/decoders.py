"""Processes that read what strangers send, and may be killed by it: each has one thing at a time, and some seconds.

A picture that crashes, fills or holds its process costs nobody else an answer; another process takes its place.
"""

import asyncio
import os
import signal
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, suppress
from typing import Any, TypeVar

from mnistx_runtime.errors import BadInput
from mnistx_runtime.serve.fair_queue import FairQueue
from mnistx_runtime.system.process_limits import Limits, limit_process
from mnistx_runtime.system.process_pool import process_pool
from mnistx_runtime.system.streams import own_process

R = TypeVar("R")

EACH = Limits(seconds=10, memory=2 << 30)
"""What a process may take for a request; the decoders of pictures that pass take a few seconds at most."""

PATIENCE = 3
"""How many times as long as its CPU time a process may take on a busy machine."""


class _Process:
    """One process, started when it's first needed."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._pool: ProcessPoolExecutor | None = None
        self._number = 0

    def start(self) -> None:
        """Start it; takes about a second."""
        if self._pool is None:
            self._pool = self._stack.enter_context(process_pool(1))
            self._number = self._pool.submit(_settle).result()

    def stop(self) -> None:
        self._stack.close()
        self._pool = None

    async def run(self, work: Callable[..., R], *args: Any) -> R:
        """What the work gives in this process.

        Raises:
            BadInput: it ended the process.
        """
        if self._pool is None:
            await asyncio.to_thread(self.start)
        assert self._pool is not None
        try:
            future = asyncio.wrap_future(self._pool.submit(_within_limits, work, *args))
            try:
                async with asyncio.timeout(PATIENCE * EACH.seconds):
                    return await asyncio.shield(future)
            except TimeoutError:
                with suppress(ProcessLookupError):
                    os.kill(self._number, getattr(signal, "SIGKILL", signal.SIGTERM))
                return await future
        except BrokenProcessPool:
            await asyncio.to_thread(self.stop)
            reason = f"its decoder crashed, or took more than {EACH.seconds} s"
            raise BadInput(f"the data can't be read: {reason}") from None


def _settle() -> int:
    """Leave SIGTERM, which service managers send to all processes, to the one that drains; the process's number."""
    import mnistx_runtime.batch  # noqa: F401  # what decodes, so that the first picture doesn't wait for it

    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return os.getpid()


def _within_limits(work: Callable[..., R], *args: Any) -> R:
    limit_process(EACH)
    with own_process():
        return work(*args)


class Decoders:
    """Some processes; who waits for one gets it in turn with the other clients."""

    def __init__(self, count: int) -> None:
        """Start none yet."""
        self._all = [_Process() for _ in range(count)]
        self._idle = list(self._all)
        self._waiting = FairQueue[asyncio.Future[_Process]]()

    async def start(self) -> None:
        """Start all of them.

        Raises:
            BadInput: they can't be started.
        """
        for process in self._all:  # a second at once would change the environment under the first
            await asyncio.to_thread(process.start)

    def close(self) -> None:
        """End them."""
        for process in self._all:
            process.stop()

    async def run(self, client: str, work: Callable[..., R], *args: Any) -> R:
        """What the work gives in one of the processes.

        Args:
            client: who waits for it.
            work: a function of a module.
            args: of it; what they and the result hold is copied.

        Raises:
            BadInput: it ended the process.
        """
        process = self._idle.pop() if self._idle else await self._wait(client)
        try:
            return await process.run(work, *args)
        finally:
            self._release(process)

    async def _wait(self, client: str) -> _Process:
        future: asyncio.Future[_Process] = asyncio.get_running_loop().create_future()
        self._waiting.put(client, future)
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():
                self._release(future.result())
            raise

    def _release(self, process: _Process) -> None:
        while self._waiting:
            future = self._waiting.take()
            if not future.done():
                future.set_result(process)
                return
        self._idle.append(process)
