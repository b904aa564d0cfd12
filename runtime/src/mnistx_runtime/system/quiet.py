"""Keeps libraries that talk to the terminal from it, those written in C++ too."""

import io
import os
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, redirect_stderr, redirect_stdout

from mnistx_runtime.system.streams import is_own_process, open_streams


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


def quiet_library() -> AbstractContextManager[None]:
    """`quiet` in a process of mnistx's own; in a caller's, whose other threads would lose their lines, nothing."""
    return quiet() if is_own_process() else nullcontext()
