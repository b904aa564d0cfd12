"""Writing that never leaves half a file."""

import os
import tempfile
from pathlib import Path

from mnistx_runtime.errors import BadInput


def writable_folder(folder: Path) -> Path:
    """The folder, made if need be, after a trial write: better told before an hour of work than after.

    Raises:
        BadInput: nothing can be written there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        raise BadInput(f"can't write to {folder}: {error.strerror}") from error


def write_whole(path: Path, data: bytes) -> None:
    """Write a file under a temporary name beside it and move it into place: it is there whole, or as it was.

    Raises:
        BadInput: it can't be written (no folder, no permission, disk full), or something else than a file is there.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        if path.exists() and not path.is_file():
            raise BadInput(f"can't write {path}: it is there and not a file")
        try:
            with temporary.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise BadInput(f"can't write {path}: {error.strerror}") from error
