from collections.abc import Callable

import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from mnistx_runtime.artifact.onnx_file import (
    check_self_contained,
    read_parts,
    read_props,
    read_weights,
    write_props,
)
from mnistx_runtime.bundled import BUNDLED
from mnistx_runtime.errors import ArtifactError

DATA = BUNDLED.read_bytes()
READERS: list[Callable[[bytes, str], object]] = [read_props, read_parts, read_weights, check_self_contained]


def test_it_reads_what_the_onnx_package_reads() -> None:
    model = onnx.load(BUNDLED)
    weights = read_weights(DATA, "m")
    assert read_props(DATA, "m") == {entry.key: entry.value for entry in model.metadata_props}
    parameters = {i.name: numpy_helper.to_array(i) for i in model.graph.initializer if "." in i.name}
    assert weights.keys() == parameters.keys() and len(weights) == 8
    for name, array in parameters.items():
        assert weights[name].shape == array.shape
        assert (weights[name] == array).all()


def test_the_parts_are_the_whole_file_but_the_metadata() -> None:
    parts = read_parts(DATA, "m")
    bare = write_props(DATA, {})
    assert parts == read_parts(bare, "m") and parts.keys() == {"graph", "weights"}
    assert abs(sum(map(len, parts.values())) - len(bare)) <= 3  # the length of the graph
    model, graph = onnx.load(BUNDLED), onnx.load_model_from_string(parts["graph"])
    assert not graph.graph.initializer and list(graph.graph.node) == list(model.graph.node)
    inside = onnx.GraphProto.FromString(parts["weights"])
    assert list(inside.initializer) == list(model.graph.initializer) and not inside.node
    for node in model.graph.node:
        assert node.SerializeToString() in parts["graph"]


def test_weights_of_another_size_change_the_weights_alone() -> None:
    model = onnx.load(BUNDLED)
    model.graph.initializer.append(numpy_helper.from_array(numpy_helper.to_array(model.graph.initializer[0]), "more"))
    parts = read_parts(model.SerializeToString(), "m")
    assert parts["graph"] == read_parts(DATA, "m")["graph"] and parts["weights"] != read_parts(DATA, "m")["weights"]


def test_metadata_is_replaced_and_nothing_else_changes() -> None:
    props = {"a": "1", "ß": "€" * 300, "empty": ""}
    written = write_props(DATA, props)
    assert read_props(written, "m") == props
    found, model = onnx.load_model_from_string(written), onnx.load(BUNDLED)
    assert {entry.key: entry.value for entry in found.metadata_props} == props
    for each in (found, model):
        del each.metadata_props[:]
    assert found == model
    assert write_props(written, read_props(DATA, "m")) == write_props(DATA, read_props(DATA, "m"))


@pytest.mark.parametrize("reader", READERS[:3])
def test_a_file_cut_off_anywhere_is_told_or_lacks_its_end(reader: Callable[[bytes, str], object]) -> None:
    whole = read_props(DATA, "m")
    told = 0
    for size in range(0, len(DATA) - 1, 15_013):
        try:
            reader(DATA[:size], "m")
        except ArtifactError:
            told += 1
        else:
            assert read_props(DATA[:size], "m") != whole
    assert told > 100


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    "data",
    [
        b"not a model at all",
        b"\x3a\xff\xff\xff\xff",
        b"\x3b\x00",
        b"\xff" * 40,
        b"\x3a\x02\x0a",
        b"\x72" + b"\xff" * 30,
    ],
)
def test_what_is_no_model_is_told(reader: Callable[[bytes, str], object], data: bytes) -> None:
    with pytest.raises(ArtifactError, match="m is not a readable ONNX model"):
        reader(data, "m")


@pytest.mark.parametrize("entry", [b"\x0a\x01\xff", b"\x12\x01a", b"\x0a\x03\xed\xa0\x80\x12\x00"])
def test_metadata_that_is_no_text_is_told(entry: bytes) -> None:
    with pytest.raises(ArtifactError, match="metadata that is no text"):
        read_props(b"\x72" + bytes([len(entry)]) + entry, "m")


def external(name: str = "w") -> onnx.TensorProto:
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=[1], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="weights.bin")
    return tensor


def hidden_in(place: str) -> bytes:
    """A model with a tensor in another file, at a place where ONNX allows tensors."""
    constant = helper.make_node("Constant", [], ["c"], value=external())
    inner = helper.make_graph([constant], "inner", [], [helper.make_tensor_value_info("c", TensorProto.FLOAT, [1])])
    nodes, initializers, functions = [], [], []
    if place == "initializer":
        initializers = [external()]
    elif place == "node":
        nodes = [constant]
    elif place == "subgraph":
        nodes = [helper.make_node("If", ["x"], ["y"], then_branch=inner, else_branch=inner)]
    elif place == "function":
        functions = [helper.make_function("own", "F", [], ["c"], [constant], [helper.make_opsetid("", 20)])]
    graph = helper.make_graph(nodes, "g", [], [], initializers)
    if place == "sparse":
        graph.sparse_initializer.add().values.CopyFrom(external())
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], functions=functions)
    return bytes(model.SerializeToString())


@pytest.mark.parametrize("place", ["initializer", "node", "subgraph", "function", "sparse"])
def test_a_tensor_in_another_file_is_found_wherever_it_hides(place: str) -> None:
    for reader in (check_self_contained, read_parts):
        with pytest.raises(ArtifactError, match="mnistx takes self-contained models"):
            reader(hidden_in(place), "m")
    check_self_contained(hidden_in("nowhere"), "m")


def test_a_location_in_a_number_of_64_bits_is_found_too() -> None:
    tensor = b"\x70\x81\x80\x80\x80\x10"  # data_location: 2**32 + 1, of which protobuf keeps the lower 32 bits
    initializer = b"\x2a" + bytes([len(tensor)]) + tensor
    with pytest.raises(ArtifactError, match="self-contained"):
        check_self_contained(b"\x3a" + bytes([len(initializer)]) + initializer, "m")
