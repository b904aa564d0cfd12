"""What a target is, and what counts as a fault of it."""

import os
import shutil
import signal
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import FrameType

from fuzz import TARGETS
from mnistx_runtime.benchmark.worker import peak_mib
from mnistx_runtime.errors import MnistxError

CPU_SECONDS = 5.0
"""Of one input, on the slowest machine."""

MEMORY = 1 << 30
"""Bytes of memory that one input may take."""

CORPUS = Path(__file__).with_name("corpus")


@dataclass(frozen=True)
class Target:
    """Something that reads bytes.

    Args:
        seeds: inputs to begin with, good ones most of all.
        read: reads an input; returns, or raises an error of mnistx's, whatever it is.
    """

    seeds: Callable[[], list[bytes]]
    read: Callable[[bytes], object]


class TooSlow(Exception):
    """An input took longer than `CPU_SECONDS`."""


@dataclass(frozen=True)
class FoundFault:
    """An input that something must not do with.

    Args:
        what: one line, the same for the same fault.
        details: a traceback, where there is one.
    """

    what: str
    details: str = ""


def load_target(name: str) -> Target:
    """The target of that name."""
    module, _, attribute = TARGETS[name].partition(":")
    found: Target = getattr(import_module(module), attribute)
    return found


def seeds_of(name: str) -> list[bytes]:
    """What a target begins with: its seeds, and the inputs that showed a fault once."""
    return load_target(name).seeds() + [path.read_bytes() for path in sorted((CORPUS / name).glob("*"))]


def try_input(target: Target, data: bytes) -> FoundFault | None:
    """Read an input.

    Returns:
        What is wrong with how that went: an error that isn't mnistx's, too much time, too much memory; None where
        nothing is.
    """
    _forget_peak()
    began, memory = time.process_time(), _peak_memory()
    try:
        with _within(CPU_SECONDS):
            target.read(data)
    except MnistxError as error:
        if "\n" in str(error) or "by a fault of mnistx" in str(error):
            return FoundFault(f"{type(error).__name__}: {str(error)[:100]!r}")
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        return FoundFault(f"{type(error).__name__} in {Path(last.filename).name} {last.name}", traceback.format_exc())
    if time.process_time() - began > CPU_SECONDS:
        return FoundFault(f"more than {CPU_SECONDS} s")
    if _peak_memory() - memory > MEMORY:
        return FoundFault(f"more than {MEMORY >> 20} MiB")
    return None


def _forget_peak() -> None:
    """Let the peak begin anew, where the system can."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _peak_memory() -> int:
    return int(peak_mib() * (1 << 20))


@contextmanager
def _within(seconds: float) -> Iterator[None]:
    """Raise `TooSlow` in Python's own code; what runs in C is timed once it returns."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


@contextmanager
def folder_of(files: Mapping[str, bytes]) -> Iterator[Path]:
    """A folder that holds these files while this lasts; whoever reads them must leave no other.

    Raises:
        AssertionError: there is another.
    """
    folder = Path(tempfile.mkdtemp(prefix="fuzz-", dir=_MEMORY if _MEMORY.is_dir() else None))
    try:
        for name, data in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        yield folder
        left = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - files.keys()
        assert not left, f"left {left}"
    finally:
        shutil.rmtree(folder)


_MEMORY = Path(os.environ.get("FUZZ_FOLDER", "/dev/shm"))
