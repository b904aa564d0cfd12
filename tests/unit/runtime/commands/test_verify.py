from pathlib import Path

import onnx
import pytest
from onnx import numpy_helper

from command import json_lines, mnistx
from foreign_onnx import foreign_model, write
from mnistx_runtime.artifact.container import open_artifact
from mnistx_runtime.artifact.onnx_file import write_props
from seal_bundled import seal_bundled


def flip_weight(path: Path) -> Path:
    """Flip one bit of a large matrix."""
    data = bytearray(path.read_bytes())
    at = data.index(b"fc1.weight")
    data[at - 500_000] ^= 0x40
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("schema", [1, 2])
def test_verify_says_of_each_artifact_what_it_is(schema: int, tmp_path: Path) -> None:
    whole = seal_bundled(tmp_path / "m.onnx", schema)
    flipped = flip_weight(seal_bundled(tmp_path / "flipped.onnx", schema))
    found = mnistx("verify", whole, flipped, "--json")
    assert found.exit_code == 1
    good, bad = json_lines(found)
    assert good["passed"] and good["parts"]["weights"] == "match" and good["parity"]["changed"] == 0
    assert not bad["passed"] and bad["parts"]["weights"] == "differ" and "weights" in bad["differences"]
    assert "IS NOT WHAT WAS EXPORTED: weights" in mnistx("verify", flipped).stdout
    told = mnistx("verify", whole)
    assert told.exit_code == 0 and "matches its certificate (ort)" in told.stdout
    assert ("schema 1 can't show a changed graph" in told.stdout) == (schema == 1)


def test_one_file_that_cannot_be_read_does_not_stop_the_others(tmp_path: Path) -> None:
    whole, flipped = seal_bundled(tmp_path / "m.onnx"), flip_weight(seal_bundled(tmp_path / "flipped.onnx"))
    (tmp_path / "cut.onnx").write_bytes(whole.read_bytes()[:99_999])
    found = mnistx("verify", tmp_path / "cut.onnx", flipped, whole, "--json")
    assert found.exit_code == 2
    cut, bad, good = json_lines(found)
    assert cut["exit_code"] == 2 and "is not a readable ONNX model" in cut["error"]
    assert not bad["passed"] and good["passed"]
    assert found.stderr.startswith("Error: ") and found.stderr.count("\n") == 1


DEEP = "[" * 100_000 + "]" * 100_000


@pytest.mark.parametrize("name", ["names", "input", "payload_parts", "certificate", "schema_version", "temperature"])
@pytest.mark.parametrize(
    "value", ["", "null", "7", '"\\ud800"', '["\\ud800", "b"]', "Infinity", "{}", '{"a": []}', DEEP]
)
@pytest.mark.parametrize("command", ["verify", "inspect"])
def test_damaged_metadata_gets_one_line(command: str, name: str, value: str, tmp_path: Path) -> None:
    path = seal_bundled(tmp_path / "m.onnx")
    path.write_bytes(write_props(path.read_bytes(), open_artifact(path).props | {name: value}))
    found = mnistx(command, path)
    assert found.exception is None or isinstance(found.exception, SystemExit), found.exception
    if found.exit_code == 2:
        assert found.stderr.startswith("Error: ") and found.stderr.count("\n") == 1 and len(found.stderr) < 500
    elif command == "verify":
        assert found.exit_code == 1 and "metadata" in found.stdout.splitlines()[0]


def test_metadata_of_the_json_beside_a_model_is_read_as_carefully(tmp_path: Path) -> None:
    (tmp_path / "m.xml").write_text("<net/>")
    (tmp_path / "m.bin").write_bytes(b"x")
    for text in (DEEP, '{"props": {"a": "\\ud800"}}', '{"props": {"\\udfff": "1"}}', "7", ""):
        (tmp_path / "m.json").write_text(text)
        for command in ("verify", "inspect"):
            found = mnistx(command, tmp_path / "m.xml")
            assert found.exit_code == 2 and found.stderr.count("\n") == 1
            assert "damaged" in found.stderr or "is empty" in found.stderr


def test_a_golden_image_that_was_exchanged_is_a_changed_certificate(tmp_path: Path) -> None:
    path = seal_bundled(tmp_path / "m.onnx")
    model = onnx.load(path)
    weight = next(i for i in model.graph.initializer if i.name == "fc2.bias")
    assert numpy_helper.to_array(weight).shape == (10,)
    entry = next(entry for entry in model.metadata_props if entry.key == "certificate")
    entry.value = entry.value.replace('"count": 44', '"count":  44')
    onnx.save(model, path)
    found = mnistx("verify", path)
    assert found.exit_code == 1 and "IS NOT WHAT WAS EXPORTED: metadata differ" in found.stdout


@pytest.mark.parametrize("args", [("verify", f"{'a' * 300}.onnx"), ("inspect", f"{'a' * 300}.onnx")])
def test_names_that_no_model_can_have_get_one_line(args: tuple[str, ...]) -> None:
    found = mnistx(*args)
    assert found.exit_code == 2 and found.stderr.startswith("Error: ") and found.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (foreign_model(["N", 64], domain="my.ops"), "custom"),
        (foreign_model(["N", 64], opset=99), "opset 99"),
        (foreign_model(["N", 64], ir_version=99), "IR version 99"),
    ],
)
def test_why_somebody_s_file_can_not_be_run_is_told_by_every_command_that_would(
    model: onnx.ModelProto, why: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "m.onnx", model)
    commands: list[list[str | Path]] = [["verify", path], ["predict", "x.png", "--model", path], ["benchmark", path]]
    for command in commands:
        found = mnistx(*command)
        assert found.exit_code == 2 and why in found.stderr and found.stderr.count("\n") == 1, found.stderr
