"""The two kinds of files that answers are kept in, CSV and JSON Lines: how an answer is written, and read again."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mnistx_runtime.escape import escape_controls, escape_formula

COLUMNS = (
    "source", "row", "rows", "line", "left", "top", "right", "bottom", "label", "name", "probability", "error",
    "exit_code", "made_by",
)  # fmt: skip
"""Of a CSV file. A digit is a row; `row` of `rows` says whether all of a picture's are there."""

Values = dict[str, Any]


@dataclass(frozen=True)
class Row:
    """What a line says of the answer that it belongs to.

    Args:
        source: the picture, as `escape_controls` gives it.
        number: of the line among those of the picture, from 1.
        count: of them.
        exit_code: that the answer stands for.
        made_by: what made it.
    """

    source: str
    number: int
    count: int
    exit_code: int
    made_by: str


@dataclass(frozen=True)
class RecordFormat:
    """A kind of file. No line of it holds a line break.

    Args:
        head: what the file begins with.
        begin: what the lines of a picture begin with, by its name.
        dump: the lines of an answer, as `to_dict` gives it with its source, or of an error; what made it.
        parse: a line, without its end. Raises ValueError, KeyError, TypeError or csv.Error where it is none.
    """

    head: bytes
    begin: Callable[[str], bytes]
    dump: Callable[[Values, str], bytes]
    parse: Callable[[str], Row]


def rows_of(values: Values, made_by: str) -> list[Values]:
    """What a table says of an answer: a row a digit, each with all of `COLUMNS`; no text in it has control characters.

    Args:
        values: the answer, as `to_dict` gives it with its source, or an error.
        made_by: what made it.

    >>> rows_of({"source": "a.png", "error": "a.png: no such file", "exit_code": 2}, "mnistx")[0]["error"]
    'a.png: no such file'
    """
    digits = values.get("digits", [values])
    shared = {name: values.get(name) for name in ("source", "error", "exit_code")} | {"made_by": made_by}
    rows = []
    for at, digit in enumerate(digits, 1):
        box = zip(("left", "top", "right", "bottom"), digit.get("box", ()), strict=False)
        cells = dict(box) | digit | shared | {"row": at, "rows": len(digits)}
        texts = {name: cells.get(name) for name in COLUMNS}
        rows.append({name: escape_controls(cell) if isinstance(cell, str) else cell for name, cell in texts.items()})
    return rows


def _csv_line(cells: list[Any]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().encode()


def _csv_source(name: str) -> str:
    """A file called =1+1 lies at ./=1+1, too."""
    return escape_formula(escape_controls(name), "./")


def _dump_csv(values: Values, made_by: str) -> bytes:
    lines = []
    for row in rows_of(values, made_by):
        cells = [escape_formula(cell) if isinstance(cell, str) else cell for cell in row.values()]
        lines.append(_csv_line([_csv_source(values["source"]), *cells[1:]]))
    return b"".join(lines)


def _parse_csv(line: str) -> Row:
    (cells,) = csv.reader([line])
    row = dict(zip(COLUMNS, cells, strict=True))
    return Row(row["source"], int(row["row"]), int(row["rows"]), int(row["exit_code"] or 0), row["made_by"])


def _dump_json(values: Values, made_by: str) -> bytes:
    return json.dumps({"source": None} | values | {"made_by": made_by}).encode() + b"\n"


def _parse_json(line: str) -> Row:
    values = json.loads(line)
    source, made_by = values["source"], values["made_by"]
    if not isinstance(source, str) or not isinstance(made_by, str):
        raise TypeError("source and made_by are no texts")
    return Row(escape_controls(source), 1, 1, int(values.get("exit_code", 0)), made_by)


FORMATS = {
    ".csv": RecordFormat(
        head=_csv_line(list(COLUMNS)),
        begin=lambda name: _csv_line([_csv_source(name), ""])[:-1],
        dump=_dump_csv,
        parse=_parse_csv,
    ),
    ".jsonl": RecordFormat(
        head=b"",
        begin=lambda name: json.dumps({"source": name})[:-1].encode() + b", ",
        dump=_dump_json,
        parse=_parse_json,
    ),
}
"""By a file's ending."""
