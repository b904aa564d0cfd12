"""Lets a process that has loaded a model fork: a fork waits for the runs of other threads, which would not survive it.

A child gets memory as it is, but only the thread that forked. A lock that another one held inside a library, in the
middle of a run, would stay locked for ever.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import Condition, Lock, get_ident


class _Runs:
    """The threads that compute at the moment. Who holds `gate` lets no further one begin."""

    gate = Lock()
    changed = Condition(Lock())
    threads: set[int] = set()  # noqa: RUF012


@contextmanager
def no_fork() -> Iterator[None]:
    """While this lasts, no other thread forks, by `os.fork` or a process of `multiprocessing`.

    >>> with no_fork():
    ...     len(_Runs.threads)
    1
    """
    _watch_forks()
    with _Runs.gate, _Runs.changed:
        _Runs.threads.add(get_ident())
    try:
        yield
    finally:
        with _Runs.changed:
            _Runs.threads.discard(get_ident())
            _Runs.changed.notify_all()


def _wait() -> None:
    _Runs.gate.acquire()
    _Runs.changed.acquire()
    while _Runs.threads - {get_ident()}:
        _Runs.changed.wait()


def _go_on() -> None:
    _Runs.changed.release()
    _Runs.gate.release()


@cache
def _watch_forks() -> None:
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_wait, after_in_parent=_go_on, after_in_child=_go_on)
