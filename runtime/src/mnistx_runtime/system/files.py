"""Writing that never leaves half a file, and replaces no other one."""

import errno
import os
import struct
import sys
import zlib
from collections.abc import Sequence
from contextlib import suppress
from io import FileIO
from pathlib import Path

from mnistx_runtime.errors import BadInput
from mnistx_runtime.system.lock import lock
from mnistx_runtime.system.plain_file import require_plain
from mnistx_runtime.system.signals import postpone_stop
from mnistx_runtime.system.temporary import is_temporary, temporary_path


def user_cache() -> Path | None:
    """Where what can be had anew is kept: mnistx in XDG_CACHE_HOME, else in ~/.cache; None without a home folder."""
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mnistx"
    except RuntimeError:
        return None


def writable_folder(folder: Path) -> Path:
    """The folder, made if need be, after a trial write: better told before an hour of work than after.

    Temporary files that killed calls left in it are removed.

    Raises:
        BadInput: nothing can be written there.
    """
    try:
        with postpone_stop():
            if not folder.is_dir():
                folder.mkdir(parents=True)
                sync_folder(folder.parent)
            remove_leftovers(folder)
            file, temporary = _create_temporary(folder)
            file.close()
            temporary.unlink()
        return folder
    except OSError as error:
        raise BadInput(f"can't write to {folder}: {error.strerror}") from error


def write_whole(path: Path, data: bytes) -> None:
    """Write a file under a temporary name beside it and move it into place: it is there whole, or as it was.

    The temporary file is made by this call, or not at all; nobody can lay a link where it is going to be. Those that
    killed calls left in the folder are removed. A signal that asks the process to stop is answered once the file is
    there.

    Raises:
        BadInput: it can't be written (no folder, no permission, disk full), or something else than a file is there.
    """
    try:
        if path.exists() and not path.is_file():
            raise BadInput(f"can't write {path}: it is there and not a file")
        remove_leftovers(path.parent)
        with postpone_stop():
            file, temporary = _create_temporary(path.parent)
            try:
                with file:
                    _write(file, data)
                    if sys.platform != "win32":
                        temporary.replace(path)  # while it is locked, so that no other call sweeps it up
                if sys.platform == "win32":
                    temporary.replace(path)  # nothing that is open can be moved there
            except BaseException:
                with suppress(OSError):
                    temporary.unlink()
                raise
            sync_folder(path.parent)
    except OSError as error:
        raise BadInput(f"can't write {path}: {error.strerror}") from error


def move_files(moves: Sequence[tuple[Path, Path]]) -> None:
    """Move files to where older ones may lie, all of them, or none.

    Args:
        moves: from where, where to. The first is the file by which the others are found: it comes last, and an older
            one goes first, so that old and new ones are never taken for one whole.

    Raises:
        BadInput: one can't be moved; all is as it was.
    """
    first = moves[0][1]
    replaced = [(source.with_name(f"{source.name}.old"), path) for source, path in moves if path.exists()]
    try:
        with postpone_stop():
            if len(moves) > 1:
                for old, path in replaced:
                    os.link(path, old)
            try:
                if len(moves) > 1:
                    first.unlink(missing_ok=True)
                for source, path in reversed(moves):
                    source.replace(path)
            except BaseException:
                _move_back(moves, replaced)
                raise
            for folder in {path.parent for _, path in moves}:
                sync_folder(folder)
    except OSError as error:
        raise BadInput(f"can't write {first}: {error.strerror}") from error


def _move_back(moves: Sequence[tuple[Path, Path]], replaced: Sequence[tuple[Path, Path]]) -> None:
    """Undo what was moved; `replaced` holds second names of older files, which are absent where one file is moved."""
    with suppress(OSError):
        for source, path in moves:
            if not source.exists():
                path.unlink(missing_ok=True)
        for old, path in replaced:
            if old.exists():
                old.replace(path)


def sync_folder(folder: Path) -> None:
    """Have the disk hold which files a folder has, where the system can."""
    if sys.platform == "win32":
        return
    try:
        number = os.open(folder, os.O_RDONLY)
    except OSError:
        return  # one that can be written to and not read
    try:
        os.fsync(number)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(number)


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files that killed calls left in a folder: none of others, none that is being written."""
    with suppress(OSError):
        for path in folder.iterdir():
            if is_temporary(path) and path.is_file() and not path.is_symlink():
                _remove_unused(path)


def _remove_unused(path: Path) -> None:
    with suppress(OSError):
        with FileIO(path, "r+") as file:
            lock(file)
            if sys.platform != "win32":
                path.unlink()
        if sys.platform == "win32":
            path.unlink()


def _create_temporary(folder: Path) -> tuple[FileIO, Path]:
    """A new file, open, and locked where its file system knows locks."""
    while True:
        path = temporary_path(folder)
        file = FileIO(path, "x")
        try:
            if _is_kept(file):
                return file, path
            file.close()
        except BaseException:
            file.close()
            path.unlink(missing_ok=True)
            raise


def _is_kept(file: FileIO) -> bool:
    """Lock a new file; whether no other call has taken it for a leftover before."""
    try:
        lock(file)
    except BlockingIOError:
        return False
    except OSError:
        return True  # its file system knows no locks, so nobody removes it
    return os.fstat(file.fileno()).st_nlink > 0


def _write(file: FileIO, data: bytes) -> None:
    waiting = memoryview(data)
    while waiting:
        waiting = waiting[file.write(waiting) :]
    os.fsync(file.fileno())


def require_own_figure(path: Path) -> None:
    """Check that a figure may be written there: nothing is replaced but what `write_figure` wrote.

    Raises:
        BadInput: there is something else.
    """
    try:
        with require_plain(path).open("rb") as file:
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


_AFTER_HEADER = 8 + 25  # bytes of a PNG's signature, and of the chunk IHDR, which is always the first
_MARK = _png_text(b"Software", b"mnistx")
