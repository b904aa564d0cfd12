"""The folder in which an artifact is written and verified before it is kept, beside its target."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

from mnistx_runtime.errors import BadInput, MnistxError
from mnistx_runtime.system.signals import postpone_stop
from mnistx_runtime.system.temporary import is_temporary, temporary_path

LOCK = "mnistx-export.lock"
"""Held by the process that writes the folder; that of a process that was killed is free."""


@contextmanager
def trial_folder(target: Path) -> Iterator[Path]:
    """A folder beside the target, for as long as this lasts; those that killed processes left there are removed.

    What converters write on their way lies in it, too: they ask Python or TMPDIR where to.

    Args:
        target: what is written.

    Raises:
        BadInput: no folder can be made there.
    """
    lock = None
    try:
        with postpone_stop():
            lock = _create(target.parent)
        folder = _folder_of(lock)
        with _temporary_files_in(folder), _errors_of(folder, target.parent):
            yield folder
    finally:
        if lock:
            with postpone_stop():
                lock.release()
                shutil.rmtree(_folder_of(lock), ignore_errors=True)


@contextmanager
def _errors_of(folder: Path, parent: Path) -> Iterator[None]:
    """Let what goes wrong with a file in the folder name it where it was to be."""
    try:
        yield
    except MnistxError as error:
        inside, meant = str(folder / "_")[:-1], str(parent / "_")[:-1]
        if inside not in str(error):
            raise
        raise type(error)(str(error).replace(inside, meant)) from error


def _folder_of(lock: BaseFileLock) -> Path:
    return Path(lock.lock_file).parent


def _create(parent: Path) -> BaseFileLock:
    """The lock of a new folder, once those that killed processes left beside it are removed.

    Raises:
        BadInput: no folder can be made there.
    """
    try:
        for path in parent.iterdir():
            if is_temporary(path) and path.is_dir() and not path.is_symlink():
                _remove_unused(path)
        return _lock_new(parent)
    except OSError as error:
        raise BadInput(f"can't write to {parent}: {error.strerror}") from error


def _lock_new(parent: Path) -> BaseFileLock:
    """The lock of a new folder; another process may take it for a leftover before it is locked."""
    while True:
        folder = temporary_path(parent)
        folder.mkdir()
        lock = FileLock(folder / LOCK, timeout=0)
        try:
            lock.acquire()
            if (folder / LOCK).exists():
                return lock
            lock.release()
        except (Timeout, FileNotFoundError):
            continue
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise


def _remove_unused(folder: Path) -> None:
    with suppress(Timeout, OSError), FileLock(folder / LOCK, timeout=0):
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _temporary_files_in(folder: Path) -> Iterator[None]:
    """Lead Python's temporary files, and those of libraries that look for TMPDIR, into the folder."""
    before = tempfile.tempdir, os.environ.get("TMPDIR")
    here = str(folder.absolute())
    tempfile.tempdir = os.environ["TMPDIR"] = here
    try:
        yield
    finally:
        if tempfile.tempdir == here:  # else another thread exports, too
            tempfile.tempdir = None if before[0] is None or not Path(before[0]).is_dir() else before[0]
        if os.environ.get("TMPDIR") == here:
            del os.environ["TMPDIR"]
            if before[1] is not None and Path(before[1]).is_dir():
                os.environ["TMPDIR"] = before[1]
