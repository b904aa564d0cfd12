"""Lets a process that has loaded a model fork: a fork waits for the runs of other threads, which would not survive it.

A child gets memory as it is, but only the thread that forked. A lock that another one held inside a library, in the
middle of a run, would stay locked for ever.
"""

import os
from functools import cache
from threading import Lock, get_ident
from time import sleep

_running: set[int] = set()
"""The threads that compute at the moment."""

_forking = Lock()
"""Held from before a fork, while it waits, to after it; no run begins then."""

_PAUSE = 0.0005  # seconds between two looks at what runs


class no_fork:
    """While this lasts, no other thread forks, by `os.fork` or a process of `multiprocessing`.

    >>> with no_fork():
    ...     len(_running)
    1
    """

    def __enter__(self) -> None:
        """Wait for a fork that has begun."""
        _watch_forks()
        thread = get_ident()
        _running.add(thread)  # before the look at the lock, so that a fork which begins now waits
        while _forking.locked():
            _running.discard(thread)
            with _forking:
                _running.add(thread)

    def __exit__(self, *_: object) -> None:
        """Let others fork."""
        _running.discard(get_ident())


def _wait() -> None:
    _forking.acquire()
    while _running - {get_ident()}:
        sleep(_PAUSE)


@cache
def _watch_forks() -> None:
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_wait, after_in_parent=_forking.release, after_in_child=_forking.release)
