"""Keeps the answers to many pictures in a file, resumable: CSV or JSON Lines, by its ending."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mnistx_runtime.errors import BadInput

COLUMNS = ("source", "line", "left", "top", "right", "bottom", "label", "name", "probability", "error", "exit_code")

Values = dict[str, Any]


@dataclass(frozen=True)
class Records:
    """What a file of answers holds already.

    Args:
        path: of the file.
        done: the sources that it answers.
        exit_code: the worst of their errors'; 0 without any.
        size: bytes up to the end of the last whole answer.
    """

    path: Path
    done: frozenset[str]
    exit_code: int
    size: int

    @contextmanager
    def appending(self) -> Iterator[Callable[[Values], None]]:
        """A function that adds an answer, as `to_dict` gives it, or an error; each is whole on the disk or not there.

        Raises:
            BadInput: the file can't be written.
        """
        try:
            with self.path.open("ab") as file:
                file.truncate(self.size)
                if not self.size and self.path.suffix == ".csv":
                    file.write(_csv([dict(zip(COLUMNS, COLUMNS, strict=True))]))

                def add(values: Values) -> None:
                    file.write(_text(self.path, values))
                    file.flush()

                yield add
        except OSError as error:
            raise BadInput(f"can't write {self.path}: {error.strerror}") from error


def records(path: Path, resume: bool) -> Records:
    """Look at a file before anything is read.

    Args:
        path: ends in .csv or .jsonl.
        resume: go on with the answers in it; without it, it must not exist.

    Raises:
        BadInput: another ending, a file that exists, or one that holds something else.
    """
    if path.suffix not in _READERS:
        raise BadInput(f"{path}: answers are written to a file that ends in {' or '.join(_READERS)}")
    if not path.exists():
        if not path.parent.is_dir():
            raise BadInput(f"can't write {path}: no such folder")
        return Records(path, frozenset(), 0, 0)
    if not resume:
        raise BadInput(f"{path} exists; go on with it by --resume, or name another --out")
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    try:
        rows = list(_READERS[path.suffix](whole.decode(errors="surrogateescape")))
        named = [(str(row["source"]), int(row.get("exit_code") or 0)) for row in rows]
    except (ValueError, KeyError, TypeError, csv.Error) as error:
        raise BadInput(f"{path} doesn't hold answers of mnistx ({error}); name another --out") from error
    return Records(path, frozenset(name for name, _ in named), max((code for _, code in named), default=0), len(whole))


def _from_csv(text: str) -> Iterator[Values]:
    reader = csv.DictReader(io.StringIO(text))
    if text and tuple(reader.fieldnames or ()) != COLUMNS:
        raise ValueError("other columns")
    yield from reader


def _from_jsonl(text: str) -> Iterator[Values]:
    yield from (json.loads(line) for line in text.splitlines())


_READERS = {".csv": _from_csv, ".jsonl": _from_jsonl}


def _text(path: Path, values: Values) -> bytes:
    if path.suffix == ".jsonl":
        return (json.dumps(values) + "\n").encode()
    shared = {"source": values["source"], "error": values.get("error"), "exit_code": values.get("exit_code")}
    return _csv([digit | shared for digit in values.get("digits", [values])])


def _csv(rows: list[Values]) -> bytes:
    """A row a digit."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, extrasaction="ignore", lineterminator="\n")
    for row in rows:
        left, top, right, bottom = row.get("box", (None,) * 4)
        writer.writerow({"left": left, "top": top, "right": right, "bottom": bottom} | row)
    return text.getvalue().encode(errors="surrogateescape")  # a file's name can be any bytes
