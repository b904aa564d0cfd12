"""The page of bad inputs: what counts as a fault of a message, and what is shown of it."""

from pathlib import Path

import pytest

import bad_inputs
from bad import TABLES
from bad.case import Case, both, edit, empty, half, pipe, write
from bad_inputs import Shown, parts_of, report, shorten, show
from mnistx_runtime.registry import look_up

GOOD = Case("a picture that isn't there", "mnistx predict no.png")


@pytest.mark.parametrize(
    ("lines", "code", "told"),
    [
        (("Error: no",), 2, []),
        (("Error: no",), 1, ["exit code 1, not 2"]),
        (("Error: no", "Error: no"), 2, ["2 lines of errors and 0 others"]),
        (("ZIPDecode: no", "Error: no"), 2, ["1 lines of errors and 1 others"]),
        ((), 2, ["0 lines of errors and 0 others"]),
        (("Traceback (most recent call last):",), 1, ["exit code 1", "0 lines of errors", "a traceback"]),
        ((), None, ["it doesn't end"]),
        (("Error: cannot import name 'a' from 'mnistx_runtime.b'",), 2, ["mnistx's own modules"]),
        (("Error: n.py can't be run: No module named 'nowhere'",), 2, []),
    ],
)
def test_a_message_is_one_line_without_a_traceback_and_with_its_code(
    lines: tuple[str, ...], code: int | None, told: list[str]
) -> None:
    found = Shown(GOOD, lines, code).faults
    assert len(found) == len(told) and all(text in fault for text, fault in zip(told, found, strict=True))


def test_notes_verdicts_and_what_is_no_error_are_told_by_the_case() -> None:
    assert not Shown(Case("", "", code=0, notes=1), ("left out a.heic",), 0).faults
    assert not Shown(Case("", "", code=1, verdict=True), ("m.onnx: IS NOT WHAT WAS EXPORTED",), 1).faults
    assert Shown(Case("", "", code=1, verdict=True), ("Error: no",), 1).faults
    assert not Shown(Case("", "", code=141), (), 141).faults


def test_a_line_names_no_folder_of_this_machine(tmp_path: Path) -> None:
    line = f"{tmp_path}/in/a.png and {tmp_path}/good/m.onnx in {tmp_path}"
    assert shorten(line, tmp_path, tmp_path / "good") == "in/a.png and good/m.onnx in ."
    assert len(shorten("9" * 5000, tmp_path, tmp_path)) < 500


def test_makers_lay_out_what_they_are_called(tmp_path: Path) -> None:
    (tmp_path / "good").mkdir()
    write("good/a", b"abcd")(tmp_path)
    both(edit("a", "b", half), empty("in"), pipe("p"))(tmp_path)
    assert (tmp_path / "b").read_bytes() == b"ab" and (tmp_path / "in").is_dir() and (tmp_path / "p").is_fifo()


def test_parts_of_a_page_that_are_not_made_anew_stay(tmp_path: Path) -> None:
    parts = {title: bad_inputs.part(title, [Shown(GOOD, ("Error: no",), 2)]) for title in ("Pictures", "The machine")}
    page = report(parts)
    assert parts_of(page).keys() == parts.keys() and report(parts_of(page)) == page
    assert "# a picture that isn't there\n$ mnistx predict no.png\nError: no\n[2]\n" in page


def test_a_command_is_shown_as_a_user_sees_it_and_stopped_where_it_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = show(Case("", 'echo "Error: $PWD/a" >&2; exit 2'), tmp_path)
    assert (shown.lines, shown.code, shown.faults) == (("Error: a",), 2, [])
    monkeypatch.setattr(bad_inputs, "PATIENCE", 0.1)
    assert show(Case("", "sleep 1000"), tmp_path).code is None


@pytest.mark.parametrize("title", TABLES)
def test_every_part_has_cases_that_are_told_apart(title: str) -> None:
    cases = look_up(TABLES, title, "part")
    assert len({case.what for case in cases}) == len(cases) > 10
