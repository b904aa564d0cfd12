from pathlib import Path

import pytest

from command import json_lines, mnistx
from foreign_onnx import foreign_model, write_external
from mnistx_runtime.artifact.digests import sha256
from mnistx_runtime.bundled import BUNDLED
from seal_bundled import seal_bundled


def test_inspect_shows_the_metadata() -> None:
    (values,) = json_lines(mnistx("inspect", "--json"))
    assert values["names"] == list("0123456789") and values["task"] == "classify"
    assert (values["input"]["channels"], values["input"]["height"], values["input"]["width"]) == (1, 28, 28)
    assert values["input"]["mean"] == [0.1307] and values["input"]["std"] == [0.3081]
    assert values["input"]["preprocess"] == "mnist-digit" and values["size"] == BUNDLED.stat().st_size
    assert values["test_accuracy"] > 0.98 and values["license"] == "MIT"
    assert values["certificate"] == {"images": 44, "atol": 1e-4} and values["runtime"] == "ort"
    assert values["sha256"] == sha256(BUNDLED.read_bytes())
    for name in values:
        assert name in mnistx("inspect", BUNDLED).stdout


@pytest.mark.parametrize("schema", [1, 2])
def test_the_digests_of_the_payload_are_shown_where_the_file_has_them(schema: int, tmp_path: Path) -> None:
    (values,) = json_lines(mnistx("inspect", seal_bundled(tmp_path / "m.onnx", schema), "--json"))
    assert values["schema_version"] == schema
    assert values["payload_parts"].keys() == ({"graph", "weights"} if schema == 2 else set())
    assert bool(values["payload_sha256"]) == (schema == 2)


def test_of_a_model_of_several_files_each_digest_is_shown(tmp_path: Path) -> None:
    from mnistx_runtime.artifact.container import open_artifact, seal

    opened = open_artifact(seal_bundled(tmp_path / "m.onnx"))
    files = seal(".xml", {".xml": b"<net/>", ".bin": b"numbers"}, opened.metadata, opened.certificate)
    for ending, data in files.items():
        (tmp_path / f"m{ending}").write_bytes(data)
    (values,) = json_lines(mnistx("inspect", tmp_path / "m.xml", "--json"))
    assert values["sha256"] == {f"m{ending}": sha256(data) for ending, data in files.items()}
    assert values["runtime"] == "openvino" and values["size"] == sum(map(len, files.values()))
    assert "m.bin" in mnistx("inspect", tmp_path / "m.xml").stdout


def test_nothing_of_the_model_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    assert mnistx("inspect", seal_bundled(tmp_path / "m.onnx")).exit_code == 0


def test_any_onnx_file_is_described_whoever_wrote_it(tmp_path: Path) -> None:
    path = write_external(tmp_path / "m.onnx", foreign_model(["N", 64], domain="my.ops"), "m.data")
    found = mnistx("inspect", path, "--json")
    (values,) = json_lines(found)
    assert found.exit_code == 0 and not found.stderr and "names" not in values
    assert values["producer"] == "somebody" and values["ir_version"] == 9
    assert values["opsets"] == {"ai.onnx": 20, "my.ops": 1} and values["requires"] == "onnxruntime>=1.17"
    assert values["inputs"] == ["x float32 [N, 64]"] and values["outputs"] == ["scores float32 [N, 10]"]
    assert values["operators"] == {"Cast": 1, "Flatten": 1, "MatMul": 1, "my.ops:Own": 1}
    assert values["files"] == ["m.data"] and "my.ops:Own" in values["obstacles"][0]
    shown = mnistx("inspect", path)
    assert shown.exit_code == 0 and "my.ops:Own 1" in shown.stdout and "mnistx seal" in shown.stderr


def test_of_a_model_of_mnistx_the_graph_is_shown_too() -> None:
    (values,) = json_lines(mnistx("inspect", "--json"))
    assert values["inputs"] == ["image uint8 [batch, 1, 28, 28]"] and values["operators"]["Conv"] == 2
    assert values["requires"].startswith("onnxruntime>=1.1") and values["obstacles"] == []
