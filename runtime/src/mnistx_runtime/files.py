"""Writing that never leaves half a file, and replaces no other one."""

import os
import re
import struct
import tempfile
import zlib
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

    The temporary file is made by this call, or not at all; nobody can lay a link where it is going to be.

    Raises:
        BadInput: it can't be written (no folder, no permission, disk full), or something else than a file is there.
    """
    temporary = path.with_name(f".{path.name}.{os.urandom(8).hex()}.tmp")
    try:
        if path.exists() and not path.is_file():
            raise BadInput(f"can't write {path}: it is there and not a file")
        file = temporary.open("xb")
        try:
            with file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise BadInput(f"can't write {path}: {error.strerror}") from error


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files that calls of `write_whole` left in a folder when they were killed, and no other.

    Args:
        folder: in which nobody writes now.
    """
    for path in folder.iterdir():
        if _TEMPORARY.fullmatch(path.name) and path.is_file() and not path.is_symlink():
            path.unlink(missing_ok=True)


def require_own_figure(path: Path) -> None:
    """Check that a figure may be written there: nothing is replaced but what `write_figure` wrote.

    Raises:
        BadInput: there is something else.
    """
    try:
        with path.open("rb") as file:
            if file.read(_AFTER_HEADER + len(_MARK))[_AFTER_HEADER:] != _MARK:
                raise BadInput(f"{path} exists and is no figure of mnistx's; name another file")
    except FileNotFoundError:
        pass
    except OSError as error:
        raise BadInput(f"can't write {path}: {error.strerror}") from error


def write_figure(path: Path, png: bytes) -> None:
    """Write a PNG with a mark in it, by which it may be replaced.

    Args:
        path: of the file; see `require_own_figure`.
        png: the picture.

    Raises:
        BadInput: it can't be written, or there is another file.
    """
    require_own_figure(path)
    write_whole(path, png[:_AFTER_HEADER] + _MARK + png[_AFTER_HEADER:])


def _png_text(keyword: bytes, text: bytes) -> bytes:
    """A chunk of text in a PNG (W3C, PNG specification, 11.3.3.2)."""
    body = b"tEXt" + keyword + b"\0" + text
    return struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))


_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{16}\.tmp")

_AFTER_HEADER = 8 + 25  # bytes of a PNG's signature, and of the chunk IHDR, which is always the first
_MARK = _png_text(b"Software", b"mnistx")
