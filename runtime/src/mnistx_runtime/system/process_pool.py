"""Processes that know nothing of this one, whose threads would not survive a fork, and that never outlive it."""

import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from multiprocessing import get_context, parent_process
from threading import Event, RLock, Thread
from types import ModuleType
from typing import Any, TypeVar

from mnistx_runtime.errors import BadInput

T = TypeVar("T")
R = TypeVar("R")

SAFE_PATH = {"PYTHONSAFEPATH": "1"}
"""In a process's environment, Python looks for no modules in the current folder, where a stranger's files may lie."""

GRACE = 2.0
"""Seconds that a process has for its last item, once the pool ends."""


class _Pool(ProcessPoolExecutor):
    """A pool whose processes don't run the caller's script anew as they start; it may have no guard against that."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        main = {"__main__": ModuleType("__main__")}
        with _left_to_parent(), _replaced(sys.modules, main), _replaced(os.environ, SAFE_PATH):
            return super().submit(fn, *args, **kwargs)


_REPLACING = RLock()


@contextmanager
def _replaced(values: MutableMapping[str, T], others: Mapping[str, T]) -> Iterator[None]:
    """While this lasts, a mapping holds other values; a second thread that asks for that waits."""
    with _REPLACING:
        kept = {name: values[name] for name in others if name in values}
        values.update(others)
        try:
            yield
        finally:
            for name in others:
                del values[name]
            values.update(kept)


_PARENTS = [getattr(signal, name) for name in ("SIGINT", "SIGHUP") if hasattr(signal, name)]
"""Signals that a terminal sends to all processes, and the parent answers for all."""


@contextmanager
def _left_to_parent() -> Iterator[None]:
    """Start processes that don't hear Ctrl-C while they import what they need, which would print where they were."""
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _PARENTS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def process_pool(count: int) -> Iterator[ProcessPoolExecutor]:
    """A pool that ends with what its processes are at, within `GRACE`, and with this process, however it is killed.

    Args:
        count: of the processes.

    Raises:
        BadInput: they can't be started.
    """
    context = get_context("spawn")
    reader, writer = context.Pipe(duplex=False)
    with reader, writer:
        with _replaced(os.environ, SAFE_PATH):
            pool = _Pool(count, context, _prepare_process, (reader,))
        try:
            _require_start(pool)
            yield pool
        finally:
            writer.close()
            pool.shutdown(cancel_futures=True)


def _require_start(pool: ProcessPoolExecutor) -> None:
    try:
        pool.submit(os.getpid).result()
    except (BrokenProcessPool, OSError) as error:
        reason = "they end at once" if isinstance(error, BrokenProcessPool) else error
        raise BadInput(
            f"can't start processes to prepare pictures: {reason}; use one: --threads 1, or processes=1"
        ) from error


_END = Event()


def unless_ended(work: Callable[[T], R], item: T) -> R:
    """What a process of a pool makes of an item, unless the pool is about to end.

    Raises:
        CancelledError: it is.
    """
    if _END.is_set():
        raise CancelledError
    return work(item)


def ignore_parents_signals() -> None:
    """Leave Ctrl-C and a terminal that closes to the process that started this one."""
    for number in _PARENTS:
        signal.signal(number, signal.SIG_IGN)


def _prepare_process(end: Any) -> None:
    """Leave Ctrl-C and a terminal that closes to the parent to answer, and end when it closes the pipe of `end`."""
    warnings.filterwarnings("ignore", module=r"PIL\.")  # as the command line does
    ignore_parents_signals()
    Thread(target=_wait_for_end, args=(end,), daemon=True).start()


def _wait_for_end(end: Any) -> None:
    """Leave the process `GRACE` to finish what it is at: half a result in the pipe would hang a parent that lives."""
    with suppress(EOFError, OSError):
        end.recv_bytes()
    _END.set()
    parent = parent_process()
    assert parent is not None
    parent.join(GRACE)
    os._exit(1)
