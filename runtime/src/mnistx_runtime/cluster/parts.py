"""Keeps the answers to many pictures in a folder of files, each written whole, that can be gone on with.

Every answer says what made it, and a file of the folder's own does. So the folder shows by itself that it is ours, and
any reader of tables takes it for one table. Nothing is written to a folder that holds anything else.
"""

import csv
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from time import monotonic

from mnistx_runtime.cluster.part_formats import PART_FORMATS
from mnistx_runtime.errors import BadInput, describe_error
from mnistx_runtime.record_formats import Row, Values
from mnistx_runtime.records import follows, require_same, source_key
from mnistx_runtime.system.files import sync_folder, write_whole
from mnistx_runtime.system.lock import lock
from mnistx_runtime.system.temporary import is_temporary

MARK = ".mnistx-answers"
"""The file that says what makes the answers of a folder, and that a call locks; readers of tables pass over it."""

FULL = 4096
"""Pictures whose answers go to a file together."""

PATIENCE = 15.0
"""Seconds from the first of them, after which fewer do: what a stop loses is answered again."""

_PART = re.compile(r"part-(\d{5,})(\.\w+)")


@dataclass
class Parts:
    """A folder of answers, open for more.

    Args:
        folder: that holds them.
        made_by: what makes the answers, see `Records`.
        done: keys of the pictures that it answers, see `source_key`.
        exit_code: the worst of the errors in it; 0 without any.
        next: the number of the next file.
    """

    folder: Path
    made_by: str
    done: set[str] = field(default_factory=set)
    exit_code: int = 0
    next: int = 0
    _waiting: list[Values] = field(default_factory=list)
    _since: float = field(default_factory=monotonic)

    def add(self, values: Values) -> None:
        """Keep an answer, as `to_dict` gives it with its source, or an error; it is written with others.

        Raises:
            BadInput: it can't be written.
        """
        if not self._waiting:
            self._since = monotonic()
        self._waiting.append(values)
        if len(self._waiting) >= FULL or monotonic() - self._since > PATIENCE:
            self.flush()

    def flush(self) -> None:
        """Write what isn't written yet; all of it is there, or nothing.

        Raises:
            BadInput: it can't be written.
        """
        if self._waiting:
            suffix = suffix_of(self.folder)
            data = PART_FORMATS[suffix].dump(self._waiting, self.made_by)
            try:
                write_whole(self.folder / f"part-{self.next:05}{suffix}", data)
            except BadInput as error:
                raise BadInput(f"{error}; --resume goes on with it") from error
            self.next += 1
            self._waiting = []


def suffix_of(folder: Path) -> str:
    """The ending of the files in a folder of answers.

    Raises:
        BadInput: its name ends in something else.

    >>> suffix_of(Path("answers")), suffix_of(Path("answers.csv"))
    ('.parquet', '.csv')
    """
    suffix = folder.suffix or ".parquet"
    if suffix not in PART_FORMATS:
        raise BadInput(f"{folder}: answers are written to a folder that ends in {' or '.join(PART_FORMATS)}")
    return suffix


@contextmanager
def open_parts(folder: Path, made_by: str, resume: bool) -> Iterator[Parts]:
    """Open a folder of answers, and keep it from other calls.

    Args:
        folder: see `suffix_of`.
        made_by: see `Records`.
        resume: go on with the answers in it, if it is there; without it, it must not exist.

    Raises:
        BadInput: another ending, a folder that exists, one that holds anything else than answers made by the same, one
            that another call writes to, or one that can't be written. It is as it was.
    """
    suffix_of(folder)
    with ExitStack() as stack:
        try:
            _make(folder, resume)
            mark = stack.enter_context(_open_mark(folder, made_by))
            lock(mark)
            parts = _read(folder, made_by)
            _write_mark(mark, folder, made_by)
        except BlockingIOError as error:
            raise BadInput(f"another call is writing to {folder}; wait for it, or name another --out") from error
        except OSError as error:
            raise BadInput(f"can't write {folder}: {error.strerror}") from error
        try:
            yield parts
        finally:
            parts.flush()


def _make(folder: Path, resume: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise BadInput(f"can't write {folder}: it is there and not a folder")
    if folder.exists() and not resume:
        raise BadInput(f"{folder} exists; go on with it by --resume, or name another --out")
    if not folder.parent.is_dir():
        raise BadInput(f"can't write {folder}: no such folder {folder.parent}")
    if not folder.exists():
        folder.mkdir()
        sync_folder(folder.parent)
    elif not (folder / MARK).is_file() and any(folder.iterdir()):
        raise _not_ours(folder, f"{MARK} is missing")


def _open_mark(folder: Path, made_by: str) -> FileIO:
    """The folder's mark, made if need be; one that says something else is left as it is."""
    path = folder / MARK
    if path.exists():
        found = path.read_bytes()[: len(made_by) + 80].decode(errors="replace")
        if not made_by.startswith(found):  # part of it is what a stop left
            _require_same(folder, found, made_by)
    return FileIO(path, "r+" if path.exists() else "x+")


def _write_mark(mark: FileIO, folder: Path, made_by: str) -> None:
    mark.seek(0)
    if mark.read() != made_by.encode():
        mark.seek(0)
        mark.write(made_by.encode())
        mark.truncate()
        os.fsync(mark.fileno())
        sync_folder(folder)


def _read(folder: Path, made_by: str) -> Parts:
    """What a folder holds; BadInput where it isn't ours."""
    parts, suffix = Parts(folder, made_by), suffix_of(folder)
    for path in sorted(folder.iterdir()):
        named = _PART.fullmatch(path.name)
        if path.name == MARK or is_temporary(path):
            continue
        if not named or named[2] != suffix or not path.is_file():
            raise _not_ours(folder, f"{path.name} is no part of them")
        parts.next = max(parts.next, int(named[1]) + 1)
        before: Row | None = None
        try:
            for row in PART_FORMATS[suffix].read(path):
                _require_same(folder, row.made_by, made_by)
                if not follows(row, before):
                    raise ValueError(f"row {row.number} of {row.count} of {row.source} isn't where it should be")
                parts.exit_code = max(parts.exit_code, row.exit_code)
                before = row if row.number < row.count else None
                parts.done.add(source_key(row.source))
        except (ValueError, KeyError, TypeError, OverflowError, AttributeError, csv.Error) as error:
            raise _not_ours(folder, f"{path.name}: {describe_error(error)}") from error
        if before is not None:
            raise _not_ours(folder, f"{path.name} isn't whole")
    return parts


def _require_same(folder: Path, theirs: str, ours: str) -> None:
    try:
        require_same(folder, theirs, ours)
    except ValueError as error:
        raise _not_ours(folder, describe_error(error)) from error


def _not_ours(folder: Path, reason: str) -> BadInput:
    return BadInput(f"{folder} doesn't hold answers of mnistx ({reason}); name another --out")
