from typing import Any

import pytest

from fuzz.flat_files import tflite
from mnistx_runtime.artifact.tflite_check import ALLOWED, check_tflite
from mnistx_runtime.errors import ArtifactError

TENSOR, NODE = "graphs.0.tensors.0", "graphs.0.operators.0"


def test_a_model_of_layers_passes() -> None:
    check_tflite(tflite(), "m.tflite")


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("opcodes.0.code", 119, "the operator 119, .*--allow-foreign"),  # WHILE
        ("opcodes.0.old_code", 118, "the operator 118"),  # IF
        ("opcodes.0", {"old_code": 32, "custom": b"Own"}, "the operator Own"),
        ("graphs", [], "0 graphs"),
        ("graphs", [{}, {}], "2 graphs"),
        (f"{TENSOR}.type", 5, "a tensor of texts"),
        (f"{TENSOR}.sparsity", {}, "sparse"),
        (f"{NODE}.custom", [1], "an operator of its own"),
        (f"{NODE}.more_options", 1, "an operator of its own"),
        (f"{NODE}.opcode", 2, "operator 2 of 2"),
        (f"{NODE}.inputs", [3], "tensor 3 of 3"),
        (f"{NODE}.inputs", [-2], "tensor -2 of 3"),
        (f"{NODE}.outputs", [-1], "tensor -1 of 3"),
        (f"{NODE}.intermediates", [9], "tensor 9 of 3"),
        (f"{NODE}.options", (127, {}), "options are of kind 127"),
        ("graphs.0.inputs", [4], "tensor 4 of 3"),
        ("graphs.0.outputs", [-1], "tensor -1 of 3"),
        (f"{TENSOR}.buffer", 7, "buffer 7 of 2"),
        (f"{TENSOR}.shape", [1, -1], r"a tensor of shape \[1, -1\]"),
        (f"{TENSOR}.shape", [1 << 15] * 3, "declare 140,737,488,355"),
        ("graphs.0.tensors.1.shape", [2, 5], "has 32 bytes"),
        ("graphs.0.tensors.1.quantization", {"scale": [1.0] * 3}, "3 scales of a tensor"),
        ("graphs.0.tensors.1.quantization", {"scale": [1.0] * 2, "dimension": -1}, "2 scales of a tensor"),
        ("buffers.1", {"offset": 1 << 40, "size": 32}, "a buffer of 32 bytes at 1,099,511,627,776"),
        ("signatures.0.graph", 1, "graph 1 of 1"),
        ("signatures.0.inputs", [{"tensor": 5}], "tensor 5 of 3"),
        ("metadata.0.buffer", 2, "buffer 2 of 2"),
        ("metadata_buffers", [-1], "buffer -1 of 2"),
        (NODE, {"opcode": 1}, ""),
    ],
)
def test_what_no_classifier_holds_and_what_is_not_there_is_told(path: str, value: Any, told: str) -> None:
    if not told:
        check_tflite(tflite(path, value), "m.tflite")
        return
    with pytest.raises(ArtifactError, match=rf"^m\.tflite (holds|is damaged).*{told}"):
        check_tflite(tflite(path, value), "m.tflite")


def test_cut_off_files_are_told() -> None:
    data = tflite()
    for end in range(0, len(data) - 40, 7):  # the last bytes are a name's
        with pytest.raises(ArtifactError, match="is damaged"):
            check_tflite(data[:end], "m.tflite")


def test_the_numbers_of_operators_are_those_of_the_schema() -> None:
    schema = pytest.importorskip("ai_edge_litert.schema_py_generated", reason="needs LiteRT's own schema")
    assert all(getattr(schema.BuiltinOperator, name) == number for number, name in ALLOWED.items())
    assert not {"WHILE", "IF", "CALL", "CUSTOM", "CALL_ONCE", "RANDOM_UNIFORM"} & set(ALLOWED.values())
