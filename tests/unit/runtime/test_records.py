from pathlib import Path
from typing import Any

import pytest

from mnistx_runtime.errors import BadInput
from mnistx_runtime.records import COLUMNS, records

DIGIT: dict[str, Any] = {"source": "a.png", "label": 7, "name": "7", "probability": 0.9, "box": [1, 2, 3, 4]}
PAGE: dict[str, Any] = {
    "source": "b.png",
    "text": "42",
    "digits": [{"label": 4, "name": "4", "line": 0, "box": [0, 0, 1, 1]}, {"label": 2, "name": "2", "line": 0}],
}
ERROR: dict[str, Any] = {"source": 'c,"\n.png', "error": "no ink", "exit_code": 1}


def write(path: Path, *answers: dict[str, Any], resume: bool = False) -> None:
    with records(path, resume).appending() as add:
        for answer in answers:
            add(answer)


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_what_was_written_is_known_as_done_with_the_worst_exit_code(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    assert records(path, False).done == records(path, True).done == frozenset()
    write(path, DIGIT, PAGE)
    assert records(path, True).exit_code == 0
    write(path, ERROR, resume=True)
    found = records(path, True)
    assert found.done == {"a.png", "b.png", 'c,"\n.png'} and found.exit_code == 1
    assert found.size == path.stat().st_size


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_half_an_answer_at_the_end_is_written_anew(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    write(path, DIGIT, DIGIT | {"source": "b.png"})
    whole = path.read_bytes()
    path.write_bytes(whole[:-5])
    assert records(path, True).done == {"a.png"}
    write(path, DIGIT | {"source": "b.png"}, resume=True)
    assert path.read_bytes() == whole


def test_a_csv_has_one_head_and_a_row_a_digit(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", DIGIT, PAGE)
    write(tmp_path / "a.csv", ERROR, resume=True)
    lines = (tmp_path / "a.csv").read_text().splitlines()
    assert lines[0] == ",".join(COLUMNS) and (tmp_path / "a.csv").read_text().count("source,") == 1
    assert lines[1] == "a.png,,1,2,3,4,7,7,0.9,,"
    assert lines[2].startswith("b.png,0,0,0,1,1,4,4") and lines[3].startswith("b.png,0,,,,,2,2")


def test_names_that_are_no_text_are_kept(tmp_path: Path) -> None:
    for name in ("a.csv", "a.jsonl"):
        write(tmp_path / name, DIGIT | {"source": "\udcff.png"})
        assert records(tmp_path / name, True).done == {"\udcff.png"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.jsonl", "{}\n"),
        ("a.jsonl", "[1]\n"),
        ("a.jsonl", '{"source": "a", "exit_code": "x"}\n'),
        ("a.jsonl", "not json\n"),
        ("a.csv", "a,b\n1,2\n"),
        ("a.csv", "source,label\na.png,7\n"),
    ],
)
def test_files_that_hold_something_else_are_told(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(BadInput, match="doesn't hold answers of mnistx"):
        records(tmp_path / name, True)


def test_a_file_that_is_there_is_not_written_over_and_another_ending_or_folder_is_told(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", DIGIT)
    for path, why in (("a.csv", "exists"), ("a.txt", "ends in .csv or .jsonl"), ("no/a.csv", "no such folder")):
        with pytest.raises(BadInput, match=why):
            records(tmp_path / path, False)


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    found = records(tmp_path / "a.csv", False)
    (tmp_path / "a.csv").mkdir()
    with pytest.raises(BadInput, match="can't write"), found.appending():
        pass
