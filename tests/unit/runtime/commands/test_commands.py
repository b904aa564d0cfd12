import json

import pytest

from mnistx_runtime.commands import one_line, print_json


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("two\nlines  and   spaces"), "two lines and spaces"),
        (FileNotFoundError(2, "No such file or directory", "a.png"), "a.png: No such file or directory"),
        (OSError("no number"), "no number"),
        (OSError(28, "No space left on device"), "[Errno 28] No space left on device"),
        (ValueError(), ""),
    ],
)
def test_an_error_is_one_line(error: Exception, line: str) -> None:
    assert one_line(error) == line


def test_an_object_is_one_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"name": "ß\n", "values": [1, None]})
    out = capsys.readouterr().out
    assert out.count("\n") == 1 and json.loads(out) == {"name": "ß\n", "values": [1, None]}
