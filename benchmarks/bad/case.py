"""One bad input: how it is made, and the command that meets it."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


def nothing(folder: Path) -> None:
    """What needs no file."""


@dataclass(frozen=True)
class Case:
    """A command that can't do what it is asked to.

    Args:
        what: is wrong, for the page.
        command: for bash, in a folder of its own in which `good` is the folder of good inputs.
        make: lays what is bad into the folder.
        code: the exit code that it has to end with.
        notes: lines that it may tell beside the one that says what is wrong.
        verdict: what is wrong is a result, which standard output tells.
    """

    what: str
    command: str
    make: Callable[[Path], object] = nothing
    code: int = 2
    notes: int = 0
    verdict: bool = False


def write(name: str, data: bytes | str) -> Callable[[Path], object]:
    """A maker of a file with these contents."""
    return lambda folder: (folder / name).write_bytes(data.encode() if isinstance(data, str) else data)


def empty(name: str) -> Callable[[Path], object]:
    """A maker of an empty folder."""
    return lambda folder: (folder / name).mkdir()


def pipe(name: str) -> Callable[[Path], object]:
    """A maker of a pipe that nobody writes to."""
    return lambda folder: os.mkfifo(folder / name)


def edit(source: str, name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], object]:
    """A maker of a changed copy of a good file."""
    return lambda folder: (folder / name).write_bytes(change((folder / "good" / source).read_bytes()))


def half(data: bytes) -> bytes:
    """What is left where a disk lost power."""
    return data[: len(data) // 2]


def both(*makes: Callable[[Path], object]) -> Callable[[Path], object]:
    """A maker of several things."""

    def make(folder: Path) -> None:
        for each in makes:
            each(folder)

    return make
