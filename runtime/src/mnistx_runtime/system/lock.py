"""Keeps a file to one process."""

import sys
from io import FileIO


def lock(file: FileIO) -> None:
    """Lock an open file until it is closed, however its process ends.

    Args:
        file: open for writing.

    Raises:
        BlockingIOError: another process has locked it.
        OSError: its file system knows no locks.
    """
    if sys.platform == "win32":
        import msvcrt

        at = file.tell()
        file.seek(_FAR)  # of the byte that is locked nobody else can read
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except PermissionError as error:
            raise BlockingIOError(*error.args) from error
        finally:
            file.seek(at)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


_FAR = (1 << 31) - 2
"""The last place that msvcrt can lock."""
