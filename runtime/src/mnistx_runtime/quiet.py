"""Keeps standard streams and what libraries, those written in C++ too, print on them apart from all other files."""

import io
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout


def open_streams() -> None:
    """Lead each of the three standard streams that is closed to nothing.

    Else the next file that is opened takes its place, a model or a user's own, and what libraries print goes there.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free, which is this one


@contextmanager
def quiet() -> Iterator[None]:
    """Drop warnings and what is written to standard output and standard error; not where other threads run."""
    open_streams()
    kept = {number: os.dup(number) for number in (1, 2)}
    with open(os.devnull, "wb") as nothing:  # noqa: PTH123
        for number in kept:
            os.dup2(nothing.fileno(), number)
    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for number, copy in kept.items():
            os.dup2(copy, number)
            os.close(copy)
