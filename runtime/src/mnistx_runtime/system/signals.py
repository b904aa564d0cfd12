"""What a command does when it is asked to stop: it closes what is open, leaves nothing half done, and says so."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

STOP = ("SIGINT", "SIGTERM", "SIGHUP")
"""Ctrl-C, an ordinary kill, and a terminal that was closed; Windows has no SIGHUP."""


@contextmanager
def exit_on_signals() -> Iterator[None]:
    """While this lasts, a signal of `STOP` raises SystemExit with 128 and its number, the code that shells give it.

    One that the process ignores, as under nohup, or answers in its own way is left alone. Only the main thread can be
    asked; in another one nothing is changed.

    >>> with exit_on_signals():
    ...     signal.raise_signal(signal.SIGTERM)
    Traceback (most recent call last):
        ...
    SystemExit: 143
    """

    asked: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        asked.append(number)
        raise SystemExit(128 + number)

    kept = {}
    with suppress(ValueError):
        for number in (getattr(signal, name) for name in STOP if hasattr(signal, name)):
            if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
                kept[number] = signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
        if asked:  # a library may have made another error of it
            raise SystemExit(128 + asked[0])


@contextmanager
def postpone_stop() -> Iterator[None]:
    """While this lasts, a signal of `STOP` stops nothing; the first of them is raised again at the end.

    For what takes moments and must not be left half done. Only the main thread can be stopped by a signal; in another
    one nothing is changed.
    """
    asked: list[int] = []
    kept = {}
    with suppress(ValueError):
        for number in (getattr(signal, name) for name in STOP if hasattr(signal, name)):
            if signal.getsignal(number) not in (signal.SIG_IGN, None):
                kept[number] = signal.signal(number, lambda number, _: asked.append(number))
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
        if asked:
            signal.raise_signal(asked[0])
