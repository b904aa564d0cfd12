import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest

from broken import MISTAKES, careless
from command import RELEASED, json_lines, mnistx
from mnistx_export.formats import FORMATS
from mnistx_export.formats.base import format_named
from mnistx_runtime.registry import look_up


def test_several_formats_make_a_table_and_one_that_fails_stops_none(
    digits_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    formats = ["--format", "pt2", "--format", "onnx", "--format", "torchscript"]
    monkeypatch.setitem(FORMATS, "onnx", "test_export_broken:ONNX")
    module = ModuleType("test_export_broken")
    module.ONNX = careless(look_up({"o": "mnistx_export.formats.onnx:ONNX"}, "o", ""), MISTAKES[1])  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "test_export_broken", module)
    found = mnistx("export", *formats, "--checkpoint", digits_run, "--out", tmp_path)
    assert found.exit_code == 1
    assert [line.split()[0] for line in found.stdout.splitlines()] == ["format", "pt2", "onnx", "torchscript"]
    assert "was not kept" in found.stdout.splitlines()[2]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.pt2", "model.torchscript"]
    found = mnistx("export", *formats, "--checkpoint", digits_run, "--out", tmp_path, "--json")
    assert found.exit_code == 1
    assert [values.get("exit_code", 0) for values in json_lines(found)] == [0, 1, 0]


def test_all_says_why_a_format_cannot_be_written_and_counts_it_as_no_failure(
    digits_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mnistx_export.formats.base.find_spec", lambda _: None)
    table = {name: row for name, row in FORMATS.items() if name not in ("onnx-int8", "c-int8")}
    for name in FORMATS.keys() - table.keys():
        monkeypatch.delitem(FORMATS, name)
    found = mnistx("export", "--format", "all", "--checkpoint", digits_run, "--out", tmp_path)
    assert found.exit_code == 0, found.output
    rows = found.stdout.splitlines()[1:]
    assert [row.split()[0] for row in rows] == list(FORMATS)
    assert sum("pip install" in row for row in rows) == sum(bool(format_named(name).needs) for name in FORMATS)


def test_int8_without_training_images_says_so_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNISTX_DATA", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    found = mnistx("export", "--format", "onnx-int8", "--checkpoint", RELEASED, "--out", tmp_path)
    assert found.exit_code == 2 and "calibrated on images" in found.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_tolerance_that_no_float32_can_keep_fails_with_1(digits_run: Path, tmp_path: Path) -> None:
    found = mnistx("export", "--format", "onnx", "--checkpoint", digits_run, "--out", tmp_path, "--atol", "1e-12")
    assert found.exit_code == 1 and "was not kept" in found.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_command_verifies_on_the_test_images_and_says_where_the_file_is(digits_run: Path, tmp_path: Path) -> None:
    found = mnistx("export", "--format", "onnx", "--checkpoint", digits_run, "--out", tmp_path)
    assert found.exit_code == 0, found.stderr
    assert f"{tmp_path / 'model.onnx'}: onnx" in found.stdout
    assert found.stdout.count("0 of 300 predictions changed") == 3
    assert "digits" in found.stderr


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["--format", "onxx"], "did you mean 'onnx'"),
        (["--format", "onnx", "--opset", "13"], "18 to 24 can"),
        (["--format", "torchscript", "--opset", "20"], "--opset is for ONNX"),
        (["--format", "onnx", "--format", "pt2", "--out", "m.onnx"], "several formats need a folder"),
        (["--format", "onnx", "--build", "aarch64-linux-gnu"], "--build is for c and c-int8"),
        (["--format", "c", "--build", "aarch64-macos"], "'aarch64-macos' names no Linux"),
        (["--format", "onnx", "--max-drop", "-1"], "--max-drop"),
        (["--format", "onnx", "--out", "{file}/below"], "can't write to"),
        (["--format", "onnx", "--atol", "0"], "--atol"),
        (["--format", "onnx", "--checkpoint", "missing.safetensors"], "no such checkpoint"),
        (["--format", "onnx", "--checkpoint", "{file}"], "is not a checkpoint of mnistx"),
        (["--format", "onnx", "--data-dir", "{folder}", "--checkpoint", "{mnist}"], "holds no MNIST/raw"),
        (["--format", "onnx", "--spec", "{folder}/no.toml"], "mnistx spec init"),
        (["--format", "onnx", "--golden-from", "{folder}"], "goes with --spec"),
        ([], "Missing option '--format'"),
    ],
)
def test_bad_input_gets_one_clear_line_and_nothing_is_written(
    args: list[str], told: str, digits_run: Path, tmp_path: Path
) -> None:

    (tmp_path / "file").write_text("text")
    (tmp_path / "folder").mkdir()
    shutil.copy(RELEASED, tmp_path / "mnist.safetensors")
    for name in ("file", "folder", "mnist"):
        suffix = ".safetensors" if name == "mnist" else ""
        args = [arg.replace(f"{{{name}}}", str(tmp_path / f"{name}{suffix}")) for arg in args]
    before = sorted(tmp_path.rglob("*"))
    chosen = [] if {"--checkpoint", "--spec"} & {*args} else ["--checkpoint", str(digits_run)]
    found = mnistx("export", *chosen, *args)
    assert found.exit_code == 2
    assert told in found.stderr and "Traceback" not in found.output
    assert sorted(tmp_path.rglob("*")) == before
