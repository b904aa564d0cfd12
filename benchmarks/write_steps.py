"""Runs a command of mnistx in a forked process, and stops or fails it at one of its steps of writing.

A step is whatever changes a file or folder: making, opening for writing, writing, syncing, renaming, removing. They
are counted by Python's audit events (https://docs.python.org/3/library/audit_events.html), and by a class of files that
writes its data in two halves, with the step between them.
"""

import errno
import io
import mmap
import os
import signal
import struct
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

Fault = Literal["kill", "SIGTERM", "SIGINT", "full", "read-only"]
"""What happens at a step: a signal; or from then on the disk has no room left, or can only be read."""

_MAKES = ("open", "mkdir", "write", "fsync", "link", "rename")
_EVENTS = {"os.rename": "rename", "os.remove": "remove", "os.rmdir": "rmdir", "os.mkdir": "mkdir", "os.link": "link"}
_SIGNALS = {"kill": signal.SIGKILL, "SIGTERM": signal.SIGTERM, "SIGINT": signal.SIGINT}
_ERRORS = {"full": errno.ENOSPC, "read-only": errno.EROFS}


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    Args:
        code: its exit code; of one that a signal killed, the signal's number, negative.
        error: what it wrote to standard error.
        steps: of writing that it came to.
        at: what the last of them was.
    """

    code: int
    error: str
    steps: int
    at: str


def run(args: Sequence[str], folder: Path, fault: Fault | None = None, step: int = 0) -> Ended:
    """Run a command in a folder, in a fork of this process, with a fault at a step.

    Args:
        args: of `mnistx`.
        folder: where it runs; its temporary files go to `.tmp` beside the folder.
        fault: what happens; None for nothing.
        step: at which, from 1.
    """
    counted = mmap.mmap(-1, 64)
    temporary = folder.parent / f"{folder.name}.tmp"
    temporary.mkdir(exist_ok=True)
    errors = folder.parent / f"{folder.name}.stderr"
    child = os.fork()
    if not child:
        code = 70
        try:
            os.setsid()
            _redirect(errors)
            os.chdir(folder)
            os.environ["TMPDIR"] = str(temporary)
            _arm(fault, step, counted)
            code = _call(args)
            sys.stderr.flush()
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    steps, at = struct.unpack("q56s", counted[:])
    text = errors.read_text(errors="replace")
    errors.unlink()
    return Ended(os.waitstatus_to_exitcode(status), text, steps, at.rstrip(b"\0").decode())


def preload(args: Sequence[str], folder: Path) -> None:
    """Import what a command imports, once for all forks; it runs to its end in a first one."""
    listed = folder.parent / f"{folder.name}.modules"
    child = os.fork()
    if not child:
        try:
            _redirect(Path(os.devnull))
            os.chdir(folder)
            _call(args)
            listed.write_text("\n".join(sys.modules))
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    for name in listed.read_text().split("\n"):
        with suppress(Exception):
            import_module(name)


def _redirect(errors: Path) -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1):
        os.dup2(nothing, number)
    os.dup2(os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
    sys.stdin, sys.stdout, sys.stderr = (open(n, mode) for n, mode in ((0, "r"), (1, "w"), (2, "w")))  # noqa: PTH123, SIM115


def _call(args: Sequence[str]) -> int:
    from mnistx_runtime.cli import main

    try:
        main(list(args), prog_name="mnistx")
    except SystemExit as ended:
        return int(ended.code or 0)
    except BaseException:
        import traceback

        traceback.print_exc()
        return 71
    return 0


def _arm(fault: Fault | None, step: int, counted: mmap.mmap) -> None:
    """Count steps from here on, and let the fault happen."""
    from mnistx_runtime import records
    from mnistx_runtime.system import files

    done, busy = 0, False

    def reach(what: str, path: object = None) -> None:
        nonlocal done, busy
        if busy:
            return
        done += 1
        counted[:] = struct.pack("q56s", done, what.encode())
        if fault in _SIGNALS and done == step:
            busy = True
            os.kill(os.getpid(), _SIGNALS[fault])
            busy = False
        elif fault in _ERRORS and done >= step and (what in _MAKES or fault == "read-only"):
            raise OSError(_ERRORS[fault], os.strerror(_ERRORS[fault]), path)

    def hear(event: str, values: tuple[Any, ...]) -> None:
        if event in _EVENTS:
            reach(_EVENTS[event], values[0])
        elif event == "open" and isinstance(values[2], int) and values[2] & (os.O_WRONLY | os.O_RDWR):
            reach("open", values[0])

    fsync = os.fsync

    def synced(fd: Any) -> None:
        reach("fsync")
        fsync(fd)

    class Stepped(io.FileIO):
        def write(self, data: Any) -> int:
            view = memoryview(data)
            first = super().write(view[: len(view) // 2])
            reach("write")
            return first + super().write(view[first:])

        def truncate(self, size: int | None = None) -> int:
            reach("truncate")
            return super().truncate(size)

    os.fsync = synced
    for module in (files, records):
        module.FileIO = Stepped  # type: ignore[attr-defined]
    sys.addaudithook(hear)
