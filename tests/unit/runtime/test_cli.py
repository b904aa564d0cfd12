from pathlib import Path

import click
import pytest

from command import PICTURES, mnistx
from mnistx_runtime import __version__, cli
from mnistx_runtime.predictor import BUNDLED

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
    assert len([line for line in found.stderr.splitlines() if line.startswith("Error: ")]) == 1
    assert "Traceback" not in found.output


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
