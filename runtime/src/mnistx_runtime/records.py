"""Keeps the answers to many pictures in a file that can be gone on with.

Each answer in it says what made it: the version of the file's form, the model, the options. So a file shows by itself
that it is ours, and stays a plain CSV or JSON Lines file in which every line is an answer. Nothing is written to a file
that holds anything else, and what a stop left of an answer is cut off only where that picture is answered again.
"""

import csv
import os
from collections.abc import Iterable, Iterator, Sequence, Set
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import BinaryIO

from mnistx_runtime.errors import BadInput, describe_error
from mnistx_runtime.escape import escape_controls
from mnistx_runtime.record_formats import FORMATS, Row, Values
from mnistx_runtime.system.lock import lock

FORM = "mnistx-answers-1"
"""The first word of what made an answer: the version of the file's form."""

_LONGEST = 64 << 20  # bytes of a line; the one of 30,000 digits has 6 MB


@dataclass
class Records:
    """A file of answers, open for more.

    Args:
        path: of the file.
        file: open, locked, and at its end.
        made_by: words that say what makes the answers, `FORM` the first; none holds a space or a comma.
        left: the names of the pictures that it doesn't answer yet, each picture once.
        exit_code: the worst of the errors in it; 0 without any.
    """

    path: Path
    file: FileIO
    made_by: str
    left: list[str]
    exit_code: int

    def add(self, values: Values) -> None:
        """Add an answer, as `to_dict` gives it, or an error; it is whole in the file, or nothing of it.

        Raises:
            BadInput: it can't be written.
        """
        self._write(FORMATS[self.path.suffix].dump(values, self.made_by))

    def begin(self) -> None:
        """Write what the file begins with, if it is empty."""
        if not self.file.tell():
            self._write(FORMATS[self.path.suffix].head)

    def _write(self, data: bytes) -> None:
        end, waiting = self.file.tell(), memoryview(data)
        try:
            while waiting:
                waiting = waiting[self.file.write(waiting) :]
        except BaseException as error:
            with suppress(OSError):
                self.file.truncate(end)
                self.file.seek(end)
            if isinstance(error, OSError):
                raise BadInput(f"{_unwritable(self.path, error)}; --resume goes on with it") from error
            raise


@contextmanager
def open_records(path: Path, names: Sequence[str], made_by: str, resume: bool) -> Iterator[Records]:
    """Open a file of answers, and keep it from other calls.

    Args:
        path: ends in .csv or .jsonl.
        names: of the pictures to answer; `./a.png` and `a.png` are the same one. "-" is no file, and is never answered
            already.
        made_by: see `Records`.
        resume: go on with the answers in it, if there are any; without it, it must not exist.

    Raises:
        BadInput: another ending, a file that exists, one that holds something else than answers made by the same, one
            that another call writes to, or one that can't be written. It is as it was.
    """
    if path.suffix not in FORMATS:
        raise BadInput(f"{path}: answers are written to a file that ends in {' or '.join(FORMATS)}")
    with _open(path, resume) as file:
        try:
            lock(file)
            with open(file.fileno(), "rb", closefd=False) as reader:
                held = _read(reader, path, names, made_by)
            file.seek(held.end)
            file.truncate()
        except BlockingIOError as error:
            raise BadInput(f"another call is writing to {path}; wait for it, or name another --out") from error
        except OSError as error:
            raise _unwritable(path, error) from error
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError, csv.Error) as error:
            raise BadInput(
                f"{path} doesn't hold answers of mnistx ({describe_error(error)}); name another --out"
            ) from error
        records = Records(path, file, made_by, held.left, held.exit_code)
        records.begin()
        yield records
        try:
            os.fsync(file.fileno())
        except OSError as error:
            raise _unwritable(path, error) from error


def _open(path: Path, resume: bool) -> FileIO:
    if path.exists() and not path.is_file():
        raise BadInput(f"can't write {path}: it is there and not a file")
    if not path.exists() and not path.parent.is_dir():
        raise BadInput(f"can't write {path}: no such folder")
    try:
        return FileIO(path, "r+" if resume and path.exists() else "x+")
    except FileExistsError as error:
        raise BadInput(f"{path} exists; go on with it by --resume, or name another --out") from error
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> BadInput:
    return BadInput(f"can't write {path}: {error.strerror}")


@dataclass(frozen=True)
class _Held:
    """What a file holds: bytes up to the end of its last whole answer, pictures left, the worst exit code."""

    end: int
    left: list[str]
    exit_code: int


def _read(reader: BinaryIO, path: Path, names: Sequence[str], made_by: str) -> _Held:
    """What a file holds; BadInput, or what parsing raises, where it isn't ours."""
    form = FORMATS[path.suffix]
    end, done, worst = 0, set[str](), 0
    if reader.read(len(form.head)) == form.head:
        at = end = len(form.head)
        before: Row | None = None
        for line in _whole_lines(reader):
            row = form.parse(line[:-1].decode())
            require_same(path, row.made_by, made_by)
            if not follows(row, before):
                raise ValueError(f"row {row.number} of {row.count} of {row.source} isn't where it should be")
            at += len(line)
            worst = max(worst, row.exit_code)
            before = row if row.number < row.count else None
            if before is None:
                end = at
                done.add(source_key(row.source))
    left = list(pictures_left(names, done))
    reader.seek(end)
    begins = [form.begin(name) for name in left] if end or not form.head else [form.head]
    torn = reader.read(max(map(len, begins), default=1))
    if torn and not any(torn.startswith(begin) or begin.startswith(torn) for begin in begins):
        whole = "its end is" if end else "it is"
        raise ValueError(f"{whole} no part of an answer to one of these pictures")
    return _Held(end, left, worst)


def _whole_lines(reader: BinaryIO) -> Iterator[bytes]:
    while (line := reader.readline(_LONGEST)).endswith(b"\n"):
        yield line


def follows(row: Row, before: Row | None) -> bool:
    """Whether a row comes after another of the same picture, or is a picture's first."""
    if before is None:
        return row.number == 1 <= row.count
    return (row.source, row.number, row.count) == (before.source, before.number + 1, before.count)


def require_same(path: Path, theirs: str, ours: str) -> None:
    """Check that answers may stand in one place with others.

    Args:
        path: of the place.
        theirs: what made those in it, see `Records`.
        ours: what makes those that are to come.

    Raises:
        BadInput: something else did.
        ValueError: no mnistx did.
    """
    if theirs.split("-answers-")[0] != FORM.split("-answers-")[0]:
        raise ValueError("it doesn't say what made it")
    if theirs != ours:
        made, asked = ([w for w in a.split() if w not in b.split()] for a, b in ((theirs, ours), (ours, theirs)))
        raise BadInput(f"{path} was made with {' '.join(made)}, not with {' '.join(asked)}; name another --out")


def pictures_left(names: Iterable[str], done: Set[str]) -> Iterator[str]:
    """Those of some pictures that aren't answered yet, each once.

    Args:
        names: of the pictures.
        done: the keys of those that are, see `source_key`.
    """
    seen = set(done)
    for name in names:
        key = source_key(escape_controls(name))
        if name == "-" or key not in seen:
            seen.add(key)
            yield name


def source_key(source: str) -> str:
    """One for all ways to name a file.

    Args:
        source: the name, as `escape_controls` gives it.
    """
    return str(Path(source).absolute())
