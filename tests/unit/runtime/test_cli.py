import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest
from PIL import Image

from command import PICTURES, mnistx
from mnistx_runtime import __version__, cli
from mnistx_runtime.bundled import BUNDLED
from torch_archives import write_torch

LONG = "a" * 300


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["predict", "missing.png"], "missing.png: no such file"),
        (["predict", "{empty}"], "no picture in this folder"),
        (["predict"], "Missing argument"),
        (["predict", "-"], "the data is empty"),
        (["predict", "x.png", "--runtime", "orrt"], "did you mean 'ort'"),
        (["predict", "x.png", "--model", "missing.onnx"], "missing.onnx: no such model file"),
        (["predict", "x.png", "--model", "{truncated}"], "is not a readable ONNX model"),
        (["predict", "x.png", "--top-k", "0"], "--top-k"),
        (["predict", "x.png", "--min-confidence", "2"], "--min-confidence"),
        (["predict", "x.png", "y.png", "--explain", "z.png"], "draws one picture, not 2"),
        (["predict", str(PICTURES / "seven.jpg"), "--explain", "/nowhere/z.png"], "can't write /nowhere/z.png"),
        (["predict", "x.png", "--threads", "0"], "--threads"),
        (["predict", "x.png", "--min-confidence", "nan"], "'nan' is no finite number (see `mnistx predict --help`)"),
        (["export", "--format", "onnx", "--atol", "inf"], "'inf' is no finite number"),
        (["predict", "--foo\x1b[31m\n"], "--foo"),
        (["predict", "x.png", "--model", "{empty}"], "is a folder; name the model file in it"),
        (["verify", "missing.onnx"], "no such model file"),
        (["verify", "{truncated}"], "is not a readable ONNX model"),
        (["verify", "x.h5"], "no runtime reads '.h5' files"),
        (["inspect", "{truncated}"], "is not a readable ONNX model"),
        (["predcit"], "did you mean 'predict'"),
    ],
)
def test_bad_input_gets_one_clear_line_and_exit_code_2(args: list[str], told: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "truncated.onnx").write_bytes(BUNDLED.read_bytes()[:99_999])
    named = {"{empty}": str(tmp_path / "empty"), "{truncated}": str(tmp_path / "truncated.onnx")}
    found = mnistx(*[named.get(arg, arg) for arg in args])
    assert found.exit_code == 2
    assert told in found.stderr
    assert found.stderr.startswith("Error: ") and len(found.stderr.splitlines()) == 1 and "\x1b" not in found.stderr


def test_a_command_whose_package_is_missing_names_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "_installed", dict)
    found = mnistx("train")
    assert found.exit_code == 2
    assert "pip install ./runtime ./train" in found.stderr
    listed = mnistx("--help").stdout.split("Commands:")[1]
    assert [line.split()[0] for line in listed.strip().splitlines()] == sorted(cli.COMMANDS)


def test_an_error_that_is_a_bug_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("mnistx_runtime.predictor.Predictor.predict_files", broken)
    assert isinstance(mnistx("predict", PICTURES / "seven.jpg").exception, ZeroDivisionError)


@pytest.mark.parametrize("error", [MemoryError(), ImportError("IMPORTANT: a page\nof advice")])
def test_what_the_machine_or_the_installation_lacks_is_one_line(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        try:
            raise ImportError("libx.so: failed to map")
        except ImportError as cause:
            raise error from cause

    monkeypatch.setattr("mnistx_runtime.predictor.Predictor.predict_files", broken)
    found = mnistx("predict", PICTURES / "seven.jpg")
    said = "not enough memory" if isinstance(error, MemoryError) else "libx.so: failed to map"
    assert (found.exit_code, found.stderr) == (2, f"Error: {said}\n")


@pytest.mark.filterwarnings("default")
def test_pillows_warnings_reach_no_terminal_and_the_filters_are_as_before(tmp_path: Path) -> None:
    code = (
        "import sys, warnings; from PIL import Image; from mnistx_runtime.cli import main\n"
        "Image.MAX_IMAGE_PIXELS = 100\nbefore = list(warnings.filters)\n"
        "try: main(['predict', sys.argv[1]], prog_name='mnistx')\n"
        "except SystemExit: print(before == warnings.filters)"
    )
    picture = tmp_path / "p.bmp"
    Image.new("L", (12, 12)).save(picture)
    done = subprocess.run([sys.executable, "-c", code, picture], capture_output=True, text=True, check=False)
    assert done.stdout == "True\n" and "Warning" not in done.stderr


@pytest.mark.parametrize("command", cli.ELSEWHERE)
def test_every_command_of_a_sibling_package_has_a_line_that_installs_it(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "_installed", dict)
    found = mnistx(command)
    assert found.exit_code == 2 and f"'mnistx {command}' is not installed" in found.stderr
    assert cli.ELSEWHERE[command] in found.stderr


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_every_command_is_found_in_the_table(command: str) -> None:
    found = cli.main.get_command(click.Context(cli.main), command)
    assert found is not None and found.name == command and found.help


def test_an_error_of_the_system_names_the_file_and_what_is_wrong_with_it() -> None:
    found = mnistx("predict", "x", "--model", f"{LONG}.onnx")
    assert found.exit_code == 2 and found.stderr.startswith("Error: ") and found.stderr.count("\n") == 1
    assert f"{LONG}.onnx" in found.stderr


def test_the_version_is_the_package_s() -> None:
    assert mnistx("--version").stdout == f"mnistx, version {__version__}\n"


STREAMS = {"stdin": 0, "stdout": 1, "stderr": 2}


@cache
def run_with_closed(closed: tuple[str, ...], *args: str | Path) -> tuple[int, bytes, bytes]:
    """A command whose process starts without some of its standard streams: exit code, output, errors."""
    close = "".join(f"os.close({STREAMS[name]}); " for name in closed)
    start = "os.execv(sys.executable, [sys.executable, '-m', 'mnistx_runtime', *sys.argv[1:]])"
    command = [sys.executable, "-c", f"import os, sys; {close}{start}", *map(str, args)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return done.returncode, done.stdout, done.stderr


CLOSED = [("stdout",), ("stderr",), ("stdin", "stdout", "stderr")]
SEVEN, THREE = PICTURES / "seven.jpg", PICTURES / "three.jpg"


@pytest.mark.parametrize("closed", CLOSED, ids="+".join)
@pytest.mark.parametrize(
    ("args", "code"),
    [
        (["verify", BUNDLED], 0),
        (["inspect"], 0),
        (["runtimes"], 0),
        (["predict", SEVEN], 0),
        (["predict", "missing.png"], 2),
        (["predict", SEVEN, "--show", "--json"], 0),
        (["benchmark", "missing.onnx"], 2),
        (["--help"], 0),
        (["no-such-command"], 2),
    ],
    ids=lambda value: " ".join(map(str, value))[:20] if isinstance(value, list) else "",
)
def test_a_closed_stream_changes_neither_the_verdict_nor_the_other_streams(
    args: list[str | Path], code: int, closed: tuple[str, ...]
) -> None:
    whole, part = run_with_closed((), *args), run_with_closed(closed, *args)
    assert part[0] == whole[0] == code
    for name, before, after in zip(("stdout", "stderr"), whole[1:], part[1:], strict=True):
        assert re.sub(rb'"elapsed_ms": [0-9.]+', b"", after) == (
            b"" if name in closed else re.sub(rb'"elapsed_ms": [0-9.]+', b"", before)
        )


@pytest.mark.parametrize("closed", CLOSED, ids="+".join)
def test_what_is_written_to_closed_streams_goes_into_no_file(closed: tuple[str, ...], tmp_path: Path) -> None:
    """The file of answers would be the next to be opened, and take the number of a stream."""
    whole, part = tmp_path / "whole.csv", tmp_path / "part.csv"
    run_with_closed((), "predict", PICTURES, "missing.png", "--out", whole)
    assert run_with_closed(closed, "predict", PICTURES, "missing.png", "--out", part)[0] == 2
    assert part.read_bytes() == whole.read_bytes() and len(whole.read_bytes().splitlines()) == 5


@pytest.mark.parametrize("name", ["m.pt2", "m.torchscript"])
def test_a_valid_archive_is_verified_whichever_streams_are_closed(name: str, tmp_path: Path) -> None:
    path = write_torch(tmp_path / name)
    for closed in (("stdout",), ("stdin", "stdout", "stderr")):
        assert run_with_closed(closed, "verify", path)[0] == 0


def test_standard_input_that_is_closed_is_told() -> None:
    code, _, errors = run_with_closed(("stdin",), "predict", "-")
    assert code == 2 and errors == b"Error: standard input is closed\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("args", [["inspect"], ["--help"], ["verify", "missing.onnx"], ["no-such-command"]])
@pytest.mark.parametrize("full", ["stdout", "stderr"])
def test_a_full_disk_behind_a_stream_ends_with_2(args: list[str], full: str) -> None:
    with Path("/dev/full").open("wb") as device:
        streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | {full: device}
        buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
        done = subprocess.run([sys.executable, "-m", "mnistx_runtime", *args], check=False, env=buffered, **streams)
    errors = done.stderr or b""
    written = full == "stderr" and args in (["inspect"], ["--help"])
    assert done.returncode == (0 if written else 2) and b"Traceback" not in errors
    if full == "stdout" and args in (["inspect"], ["--help"]):
        assert errors == b"Error: can't write to standard output: No space left on device\n"


@pytest.mark.parametrize("args", [["inspect"], ["--help"], ["verify", str(BUNDLED)]])
def test_a_reader_that_went_away_ends_a_command_quietly_and_is_no_failed_verification(args: list[str]) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "mnistx_runtime", *args], stdout=write, stderr=subprocess.PIPE, check=False
    )
    os.close(write)
    assert done.returncode == 141 and done.stderr == b""
