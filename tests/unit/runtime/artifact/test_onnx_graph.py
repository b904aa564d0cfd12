import json
import re
from importlib.metadata import version

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from command import ROOT
from foreign_onnx import as_sklearn, foreign_model
from mnistx_runtime.artifact import onnx_graph
from mnistx_runtime.artifact.onnx_graph import RELEASES, read_graph, required_runtime
from mnistx_runtime.bundled import BUNDLED
from mnistx_runtime.errors import ArtifactError


def test_it_says_what_the_onnx_package_says() -> None:
    model, found = onnx.load(BUNDLED), read_graph(BUNDLED.read_bytes(), "m")
    assert found.ir_version == model.ir_version and found.producer == "mnistx 0.1.0"
    assert found.opsets == {opset.domain: opset.version for opset in model.opset_import}
    assert [str(value) for value in found.inputs] == ["image uint8 [batch, 1, 28, 28]"]
    assert [str(value) for value in found.outputs] == ["log_probs float32 [batch, 10]"]
    assert sum(found.operators.values()) == len(model.graph.node) and found.operators["Conv"] == 2
    assert not found.files and not found.foreign and not found.obstacles


def test_other_types_free_sizes_and_weights_that_are_inputs() -> None:
    model = as_sklearn(foreign_model(["N", 64], TensorProto.FLOAT16), "0123456789")
    model.graph.input[0].type.tensor_type.shape.dim[0].ClearField("dim_param")
    model.graph.input.append(helper.make_tensor_value_info("weights", TensorProto.FLOAT16, [64, 10]))
    found = read_graph(model.SerializeToString(), "m")
    assert [str(value) for value in found.inputs] == ["x float16 [?, 64]"]
    assert [str(value) for value in found.outputs] == ["label int64 [N]", "tables sequence"]
    assert found.operators["ai.onnx.ml:ZipMap"] == 1 and not found.foreign


def test_operators_in_branches_and_functions_are_counted_and_a_function_s_own_domain_is_known() -> None:
    constant = helper.make_node("Constant", [], ["c"], value_float=1.0)
    inner = helper.make_graph([constant], "inner", [], [helper.make_tensor_value_info("c", TensorProto.FLOAT, [])])
    nodes = [
        helper.make_node("If", ["x"], ["y"], then_branch=inner, else_branch=inner),
        helper.make_node("F", [], ["z"], domain="own"),
        helper.make_node("G", [], ["w"], domain="own"),
    ]
    graph = helper.make_graph(nodes, "g", [], [])
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("own", 1)]
    function = helper.make_function("own", "F", [], ["c"], [constant], opsets[:1])
    model = helper.make_model(graph, opset_imports=opsets, functions=[function])
    found = read_graph(model.SerializeToString(), "m")
    assert found.operators == {"Constant": 3, "If": 1, "own:F": 1, "own:G": 1}
    assert found.foreign == ("own:G",)


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (foreign_model(["N", 4], domain="my.ops"), "custom operators.* my.ops:Own"),
        (foreign_model(["N", 4], opset=99), "of opset 99 and IR version 9, it needs onnxruntime>1.32"),
        (foreign_model(["N", 4], ir_version=98), "of opset 20 and IR version 98, it needs onnxruntime>1.32"),
    ],
)
def test_what_keeps_it_from_being_run_is_told(
    model: onnx.ModelProto, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_graph, "version", lambda _: "1.32.0")
    (obstacle,) = read_graph(model.SerializeToString(), "m").obstacles
    assert re.search(why, obstacle)


@pytest.mark.parametrize(("installed", "told"), [("1.16.3", True), ("1.17.0", False), ("1.99", False)])
def test_an_older_onnx_runtime_than_the_file_needs_is_told(
    installed: str, told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_graph, "version", lambda _: installed)
    obstacles = read_graph(foreign_model(["N", 4]).SerializeToString(), "m").obstacles
    assert obstacles == ["of opset 20 and IR version 9, it needs onnxruntime>=1.17, and 1.16.3 is here"] * told


def test_what_a_newer_onnx_runtime_than_all_that_were_tried_reads_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_graph, "version", lambda _: "1.99")
    assert not read_graph(foreign_model(["N", 4], opset=99).SerializeToString(), "m").obstacles


def test_the_table_of_releases_is_the_one_that_was_measured() -> None:
    page = (ROOT / "artifacts" / "oldest_onnxruntime.md").read_text()
    table = page.partition("| from ONNX Runtime |")[2]
    rows = re.findall(r"^\| (1\.\d+) \| (\d+) \| (\d+) \|$", table, re.M)
    assert tuple((release, int(opset), int(ir)) for release, opset, ir in rows) == RELEASES
    opset, ir = RELEASES[-1][1:]
    assert required_runtime(opset, ir) == f"onnxruntime>={RELEASES[-1][0]}"
    assert version("onnxruntime")


@pytest.mark.parametrize("data", [b"\x3a\x05\x0a\x03abc", b"\x42\xff", b"not a model"])
def test_what_is_no_model_is_told(data: bytes) -> None:
    with pytest.raises(ArtifactError, match="m is not a readable ONNX model"):
        read_graph(data, "m")


def test_changed_bytes_are_told_or_read_and_nothing_else() -> None:
    whole = as_sklearn(foreign_model(["N", 8], domain="own"), "0123456789").SerializeToString()
    random, told = np.random.default_rng(0), 0
    for _ in range(2000):
        data = bytearray(whole)
        for at in random.integers(0, len(data), 3):
            data[at] = random.integers(256)
        try:
            assert json.dumps(read_graph(bytes(data), "m").to_dict())
        except ArtifactError:
            told += 1
    assert 200 < told < 1900
