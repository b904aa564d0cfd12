import csv
import json
from typing import Any

import pytest

from mnistx_runtime.record_formats import COLUMNS, FORMATS, Row

DIGIT: dict[str, Any] = {"source": "a.png", "label": 7, "name": "7", "probability": 0.9, "box": [1, 2, 3, 4]}
PAGE: dict[str, Any] = {
    "source": "b.png",
    "text": "42",
    "digits": [{"label": 4, "name": "4", "line": 0, "box": [0, 0, 1, 1]}, {"label": 2, "name": "2", "line": 0}],
}
ERROR: dict[str, Any] = {"source": 'c,"\n.png', "error": 'c,"\n.png: no ink', "exit_code": 1}
CSV, JSON = FORMATS[".csv"], FORMATS[".jsonl"]


def cells(values: dict[str, Any]) -> list[dict[str, str]]:
    return list(csv.DictReader((CSV.head + CSV.dump(values, "us")).decode().split("\n")[:-1], strict=True))


def test_a_csv_has_a_row_a_digit() -> None:
    assert CSV.head.decode() == ",".join(COLUMNS) + "\n"
    assert CSV.dump(DIGIT, "us").decode() == "a.png,1,1,,1,2,3,4,7,7,0.9,,,us\n"
    assert CSV.dump(PAGE, "us").decode() == "b.png,1,2,0,0,0,1,1,4,4,,,,us\nb.png,2,2,0,,,,,2,2,,,,us\n"


def test_a_line_of_json_is_the_answer_and_what_made_it() -> None:
    for values in (DIGIT, PAGE, ERROR):
        line = JSON.dump(values, "us")
        assert line.count(b"\n") == 1 and line.endswith(b"\n")
        assert json.loads(line) == values | {"made_by": "us"}


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("values", [DIGIT, PAGE, ERROR], ids=["digit", "page", "error"])
def test_every_line_says_which_picture_it_belongs_to_and_whether_it_is_the_last(
    ending: str, values: dict[str, Any]
) -> None:
    form = FORMATS[ending]
    lines = form.dump(values, "us").decode().splitlines()
    count = len(values.get("digits", "1")) if ending == ".csv" else 1
    source, code = values["source"].replace("\n", r"\x0a"), values.get("exit_code", 0)
    assert [form.parse(line) for line in lines] == [Row(source, i + 1, count, code, "us") for i in range(count)]


NAMES = [
    "a.png",
    'a,"b".png',
    "\n",
    "a\nb,c\r.png",
    "\udcff.png",
    "ß.png",
    "=1+1.png",
    "-a.png",
    "\x1b[31m.png",
    r"a\x0ab",
]


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("name", NAMES)
def test_any_name_is_kept_and_begins_the_line_as_it_was_told(ending: str, name: str) -> None:
    form = FORMATS[ending]
    line = form.dump(DIGIT | {"source": name, "name": name}, "us")
    assert line.startswith(form.begin(name)) and line.count(b"\n") == 1 and len(form.begin(name)) > len(name)
    assert all(byte >= 32 for byte in line[:-1]) and line.decode()


def test_a_spreadsheet_computes_nothing() -> None:
    (row,) = cells({"source": "=a.png", "name": '=HYPERLINK("x")', "label": 0, "probability": 1.0})
    assert row["source"] == "./=a.png" and row["name"] == '\'=HYPERLINK("x")' and row["label"] == "0"
    (row,) = cells({"source": "+1+1.png", "error": "+1+1.png: no ink", "exit_code": 1})
    assert row["source"] == "./+1+1.png" and row["error"] == "'+1+1.png: no ink"
    (row,) = cells(DIGIT | {"name": "-"})
    assert row["name"] == "-"


@pytest.mark.parametrize(
    ("ending", "line"),
    [
        (".csv", "a.png"),
        (".csv", ",".join(COLUMNS)),
        (".csv", "a.png,x,1,,,,,,,,,,,us"),
        (".csv", "a.png,1,1,,,,,,,,,,,us,more"),
        (".csv", ""),
        (".jsonl", "{}"),
        (".jsonl", "[1]"),
        (".jsonl", "7"),
        (".jsonl", '{"source": "a.png"}'),
        (".jsonl", '{"source": 1, "made_by": "us"}'),
        (".jsonl", '{"source": "a", "made_by": "us", "exit_code": "x"}'),
        (".jsonl", "not json"),
    ],
)
def test_a_line_that_is_no_answer_is_told(ending: str, line: str) -> None:
    with pytest.raises((ValueError, KeyError, TypeError, csv.Error)):
        FORMATS[ending].parse(line)
