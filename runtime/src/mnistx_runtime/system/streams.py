"""Standard streams: those that are closed, and whose they are."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


def open_streams() -> None:
    """Lead each of the three standard streams that is closed to nothing.

    Else the next file that is opened takes its place, a model or a user's own, and what libraries print goes there.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free, which is this one


_own = False


@contextmanager
def own_process() -> Iterator[None]:
    """While this lasts, the process is mnistx's: no thread of a caller's writes to its standard error."""
    global _own
    before, _own = _own, True
    try:
        yield
    finally:
        _own = before


def is_own_process() -> bool:
    """Whether `own_process` says so."""
    return _own
