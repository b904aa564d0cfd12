"""The folder in which an artifact is written and verified before it is kept, beside its target."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

LOCK = "mnistx-export.lock"
"""Held by the process that writes the folder; that of a process that was killed is free."""


@contextmanager
def trial_folder(target: Path) -> Iterator[Path]:
    """A folder beside the target, for as long as this lasts; those that killed processes left there are removed.

    Args:
        target: what is written.
    """
    for lock in target.parent.glob(f".*/{LOCK}"):
        _remove_unused(lock)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as name:
        folder = Path(name)
        with FileLock(folder / LOCK):
            yield folder


def _remove_unused(lock: Path) -> None:
    try:
        with FileLock(lock, timeout=0):
            shutil.rmtree(lock.parent, ignore_errors=True)
    except (Timeout, OSError):
        return
