"""Writing that never leaves half a file."""

import os
import tempfile
from pathlib import Path

from mnistx_train.errors import TrainError


def writable_folder(folder: Path) -> Path:
    """The folder, made if need be, after a trial write: better told before an hour of work than after.

    Raises:
        TrainError: nothing can be written there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        raise TrainError(f"can't write to {folder}: {error.strerror}") from error


def write_whole(path: Path, data: bytes) -> None:
    """Write a file under a temporary name beside it and move it into place: it is there whole, or as it was.

    Raises:
        TrainError: it can't be written (no folder, no permission, disk full).
    """
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).chmod(0o644)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise TrainError(f"can't write {path}: {error.strerror}") from error
