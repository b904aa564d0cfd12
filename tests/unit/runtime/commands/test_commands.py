import json

import pytest

from command import ROOT
from mnistx_runtime.commands import one_line, print_json, say


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("two\nlines  and   spaces"), "two lines and spaces"),
        (FileNotFoundError(2, "No such file or directory", "a.png"), "a.png: No such file or directory"),
        (OSError("no number"), "no number"),
        (OSError(28, "No space left on device"), "No space left on device"),
        (ValueError(), "ValueError"),
    ],
)
def test_an_error_is_one_line(error: Exception, line: str) -> None:
    assert one_line(error) == line


def test_an_object_is_one_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"name": "ß\n", "values": [1, None]})
    out = capsys.readouterr().out
    assert out.count("\n") == 1 and json.loads(out) == {"name": "ß\n", "values": [1, None]}


def test_lines_are_printed_without_their_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    say("one\nline", "\x1b[2Jtwo")
    say("three", err=True)
    found = capsys.readouterr()
    assert (found.out, found.err) == ("one\\x0aline\n\\x1b[2Jtwo\n", "three\n")


OWN_CONTROLS = {"benchmark.py": 1, "predict.py": 1}
"""A line that says what goes on, and a picture in characters, hold no text of other people's."""


@pytest.mark.parametrize("package", ["runtime", "export"])
def test_commands_print_through_say(package: str) -> None:
    for path in (ROOT / package / "src" / f"mnistx_{package}" / "commands").glob("[a-z]*.py"):
        assert path.read_text().count("click.echo") == OWN_CONTROLS.get(path.name, 0), path
