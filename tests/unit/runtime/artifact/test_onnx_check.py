from collections.abc import Callable

import numpy as np
import onnx
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from hostile_onnx import REFUSED, STOPPED, add_score, grow_in_pieces, plain
from mnistx_runtime.artifact.onnx_check import ALLOWED, check_onnx
from mnistx_runtime.bundled import BUNDLED
from mnistx_runtime.errors import ArtifactError


def test_what_mnistx_writes_passes_and_is_computed_while_it_loads() -> None:
    assert check_onnx(BUNDLED.read_bytes(), "m")
    assert check_onnx(plain().SerializeToString(), "m")


@pytest.mark.parametrize("attack", REFUSED, ids=lambda attack: attack.__name__)
def test_what_no_classifier_needs_is_refused(attack: Callable[[ModelProto], None]) -> None:
    model = plain()
    attack(model)
    with pytest.raises(ArtifactError, match=REFUSED[attack]):
        check_onnx(model.SerializeToString(), "m.onnx")


@pytest.mark.parametrize("attack", STOPPED, ids=lambda attack: attack.__name__)
def test_what_grows_is_not_computed_while_it_loads(attack: Callable[[ModelProto], None]) -> None:
    model = plain()
    attack(model)
    from_image = attack.__name__ in ("expand", "grow_by_broadcasting")
    assert check_onnx(model.SerializeToString(), "m") == from_image


def test_many_copies_of_a_constant_are_not_made_while_it_loads() -> None:
    model = plain()
    add_score(
        model,
        *(helper.make_node("Cast", ["weights"], [f"c{at}"], to=TensorProto.DOUBLE) for at in range(5)),
        helper.make_node("Relu", ["zero"], ["extra"]),
    )
    assert not check_onnx(model.SerializeToString(), "m")


def test_nodes_in_another_order_hide_no_constants() -> None:
    model = plain()
    grow_in_pieces(model, 1, 8)
    nodes = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend(reversed(nodes))
    assert not check_onnx(model.SerializeToString(), "m")


def test_sizes_that_follow_from_the_input_s_are_constants_too() -> None:
    model = plain()
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    add_score(
        model,
        helper.make_node("Shape", ["image"], ["sizes"]),
        helper.make_node("Expand", ["zero", "sizes"], ["grown"]),
        helper.make_node("ReduceSum", ["grown"], ["extra"], keepdims=0),
    )
    assert not check_onnx(model.SerializeToString(), "m")


def test_the_operators_are_onnx_s_own() -> None:
    for domain in ("", "ai.onnx.ml"):
        known = {each.name for each in onnx.defs.get_all_schemas_with_history() if each.domain == domain}
        assert ALLOWED[domain] <= known, ALLOWED[domain] - known
    assert not ALLOWED[""] & {"Loop", "If", "Scan", "SequenceMap", "RandomNormal", "Bernoulli", "StringConcat"}


def message(field: int, content: bytes, kind: int = 2) -> bytes:
    """A field of a type of protobuf's, its length before it if it has one."""
    length = bytes([len(content) & 0x7F | 0x80, len(content) >> 7]) if kind == 2 else b""
    return bytes([field << 3 | kind]) + length + content


def node(*fields: bytes) -> bytes:
    return message(7, message(1, b"".join(fields)))


def test_an_operator_can_not_hide_behind_a_field_of_another_type() -> None:
    """Protobuf passes over a field of another type than the format's; so must the check."""
    hidden = node(message(2, b"y"), message(4, b"RandomNormal"), message(4, b"Relu", 5))
    assert onnx.load_from_string(hidden).graph.node[0].op_type == "RandomNormal"
    with pytest.raises(ArtifactError, match="the operator RandomNormal"):
        check_onnx(hidden, "m")


def tensor(*fields: bytes) -> bytes:
    return message(7, message(5, b"".join(fields)))


@pytest.mark.parametrize("hiding", [message(1, b""), message(1, b"\0\0\0\0", 5), message(1, b"\0" * 8, 1)])
def test_sizes_can_not_hide_behind_a_field_of_another_type(hiding: bytes) -> None:
    sizes = message(1, b"\x80\x80\x80\x80\x01", 0)
    hidden = tensor(sizes, hiding, message(2, b"\x01", 0), message(9, b"\0\0\0\0"))
    assert list(onnx.load_from_string(hidden).graph.initializer[0].dims) == [1 << 28]
    with pytest.raises(ArtifactError, match="declares"):
        check_onnx(hidden, "m")


def test_a_field_number_beyond_32_bits_is_no_other_field() -> None:
    """Protobuf keeps the lower bits: this is a graph to it."""
    graph = message(1, message(4, b"Loop"))
    tag = bytes([7 << 3 | 2 | 0x80, 0x80, 0x80, 0x80, 0x10])
    with pytest.raises(ArtifactError, match="not a readable ONNX model"):
        check_onnx(tag + bytes([len(graph)]) + graph, "m")


def test_two_tensors_in_the_place_of_one_are_refused() -> None:
    """Protobuf merges them: their sizes are multiplied."""
    value = message(5, numpy_helper.from_array(np.zeros(16, np.float32)).SerializeToString())
    twice = node(message(2, b"y"), message(4, b"Constant"), message(5, message(1, b"value") + value + value))
    assert list(onnx.load_from_string(twice).graph.node[0].attribute[0].t.dims) == [16, 16]
    with pytest.raises(ArtifactError, match="two tensors in the place of one"):
        check_onnx(twice, "m")


def test_more_metadata_than_any_of_ours_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnistx_runtime.artifact.sizes.MOST_METADATA", 1000)
    with pytest.raises(ArtifactError, match=r"bytes of metadata, where at most 1,000 are read"):
        check_onnx(BUNDLED.read_bytes(), "m")
