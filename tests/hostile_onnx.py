"""ONNX files made to hang a machine or to fill it, of mnistx's interface and with a certificate that fits them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from onnx import FunctionProto, GraphProto, ModelProto, NodeProto, SparseTensorProto, TensorProto, helper, numpy_helper

from mnistx_runtime.artifact.container import open_artifact, seal
from mnistx_runtime.bundled import BUNDLED

HUGE = 1 << 40  # numbers: 4 TB in float32
OPSET = helper.make_opsetid("", 20)


def add_score(model: ModelProto, *nodes: NodeProto, **constants: np.ndarray) -> None:
    """Put nodes before the last one, which adds to all scores what they call "extra"."""
    graph = model.graph
    last = graph.node.pop()
    graph.node.extend([*nodes, last])
    last.input[1] = "extra"
    graph.initializer.extend(numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items())


def plain() -> ModelProto:
    """A layer, and a number that is added to its answers."""
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["pixels"], ["flat"], axis=1),
        helper.make_node("MatMul", ["flat", "weights"], ["scores"]),
        helper.make_node("Add", ["scores", "zero"], ["log_probs"]),
    ]
    graph = helper.make_graph(
        nodes,
        "hostile",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", 1, 28, 28])],
        [helper.make_tensor_value_info("log_probs", TensorProto.FLOAT, ["N", 10])],
        [
            numpy_helper.from_array(np.zeros((784, 10), np.float32), "weights"),
            numpy_helper.from_array(np.array(0, np.float32), "zero"),
        ],
    )
    return helper.make_model(graph, opset_imports=[OPSET], ir_version=9)


def loop_for_ever(model: ModelProto) -> None:
    """A Loop without an end."""
    bool_, float_ = TensorProto.BOOL, TensorProto.FLOAT
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["still"]), helper.make_node("Identity", ["value"], ["same"])],
        "body",
        [
            helper.make_tensor_value_info("step", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", bool_, []),
            helper.make_tensor_value_info("value", float_, []),
        ],
        [helper.make_tensor_value_info("still", bool_, []), helper.make_tensor_value_info("same", float_, [])],
    )
    add_score(model, helper.make_node("Loop", ["", "true", "zero"], ["extra"], body=body), true=np.array(True))


def branch(model: ModelProto) -> None:
    """An If, with a tensor of 4 TB in one branch."""
    shape = helper.make_node("Constant", [], ["shape"], value_ints=[HUGE])
    grow = helper.make_node("ConstantOfShape", ["shape"], ["grown"])
    total = helper.make_node("ReduceSum", ["grown"], ["sum"], keepdims=0)
    inner = helper.make_graph([shape, grow, total], "b", [], [helper.make_tensor_value_info("sum", 1, [])])
    add_score(model, helper.make_node("If", ["t"], ["extra"], then_branch=inner, else_branch=inner), t=np.array(True))


def graph_of_an_operator_without(model: ModelProto) -> None:
    """A graph where nothing reads it, and where a check of operators alone would not look."""
    branch(model)
    node = model.graph.node[-2]
    node.op_type, node.input[0] = "Relu", "zero"


def exponential_functions(model: ModelProto) -> None:
    """40 functions, each of which calls the next one twice: 10^12 nodes, once they are in place."""
    functions: list[FunctionProto] = []
    for at in range(40):
        inner = (f"F{at + 1}", "own") if at < 39 else ("Identity", "")
        calls = [
            helper.make_node(inner[0], ["x"], ["y"], domain=inner[1]),
            helper.make_node(inner[0], ["y"], ["z"], domain=inner[1]),
        ]
        opsets = [OPSET, helper.make_opsetid("own", 1)]
        functions.append(helper.make_function("own", f"F{at}", ["x"], ["z"], calls, opsets))
    model.functions.extend(functions)
    model.opset_import.append(helper.make_opsetid("own", 1))
    add_score(model, helper.make_node("F0", ["zero"], ["extra"], domain="own"))


def custom_domain(model: ModelProto) -> None:
    model.opset_import.append(helper.make_opsetid("own", 1))
    add_score(model, helper.make_node("Relu", ["zero"], ["extra"], domain="own"))


def draw_random_numbers(model: ModelProto) -> None:
    add_score(
        model,
        helper.make_node("RandomNormal", [], ["drawn"], shape=[HUGE]),
        helper.make_node("ReduceSum", ["drawn"], ["extra"], keepdims=0),
    )


def sparse_weights(model: ModelProto) -> None:
    """One number, in a tensor that is 4 TB when it is unpacked."""
    sparse = SparseTensorProto(dims=[HUGE])
    sparse.values.CopyFrom(numpy_helper.from_array(np.ones(1, np.float32), "s"))
    sparse.indices.CopyFrom(numpy_helper.from_array(np.zeros(1, np.int64), "i"))
    model.graph.sparse_initializer.append(sparse)
    add_score(model, helper.make_node("ReduceSum", ["s"], ["extra"], keepdims=0))


def sparse_constant(model: ModelProto) -> None:
    sparse_weights(model)
    sparse = model.graph.sparse_initializer.pop()
    model.graph.node.insert(0, helper.make_node("Constant", [], ["s"], sparse_value=sparse))


def declare_more_than_there_is(model: ModelProto) -> None:
    tensor = TensorProto(name="claimed", data_type=TensorProto.FLOAT, dims=[HUGE], raw_data=b"\0\0\0\0")
    model.graph.initializer.append(tensor)
    add_score(model, helper.make_node("ReduceSum", ["claimed"], ["extra"], keepdims=0))


def texts(model: ModelProto) -> None:
    model.graph.initializer.append(numpy_helper.from_array(np.array(["x" * 99], object), "text"))


def external_weights(model: ModelProto) -> None:
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")


def too_many_nodes(model: ModelProto) -> None:
    add_score(model, *(helper.make_node("Relu", ["zero"], [f"n{at}"]) for at in range(10_001)))
    model.graph.node[-1].input[1] = "n0"


def train(model: ModelProto) -> None:
    model.training_info.add().algorithm.CopyFrom(GraphProto())


def grow_from_constants(model: ModelProto) -> None:
    """4 TB of zeros, which ONNX Runtime would compute while it loads."""
    add_score(
        model,
        helper.make_node("ConstantOfShape", ["shape"], ["grown"]),
        helper.make_node("ReduceSum", ["grown"], ["extra"], keepdims=0),
        shape=np.array([HUGE]),
    )


def from_number(number: int) -> TensorProto:
    """Each another number: what is the same is computed once."""
    return numpy_helper.from_array(np.array([number], np.float32))


def grow_in_pieces(model: ModelProto, pieces: int = 200, size: int = 1 << 24) -> None:
    """200 pieces of 64 MB, each small enough to be computed while it loads."""
    nodes, last = [helper.make_node("ReduceMax", ["pixels"], ["top"], keepdims=0)], "top"
    for at in range(pieces):
        nodes += [
            helper.make_node("ConstantOfShape", ["shape"], [f"g{at}"], value=from_number(at)),
            helper.make_node("Add", [f"g{at}", "top"], [f"a{at}"]),
        ]
    nodes += [helper.make_node("Concat", [f"a{at}" for at in range(pieces)], ["all"], axis=0)]
    nodes += [helper.make_node("ReduceMin", ["all"], ["least"], keepdims=0)]
    nodes += [helper.make_node("Sub", ["least", last], ["extra"])]
    add_score(model, *nodes, shape=np.array([size]))


def grow_by_broadcasting(model: ModelProto) -> None:
    """A column and a row of a million numbers each, added."""
    add_score(
        model,
        helper.make_node("Cast", ["image"], ["p"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMax", ["p"], ["top"], keepdims=0),
        helper.make_node("Add", ["column", "top"], ["c"]),
        helper.make_node("Add", ["c", "row"], ["grown"]),
        helper.make_node("ReduceSum", ["grown"], ["extra"], keepdims=0),
        column=np.zeros((1_000_000, 1), np.float32),
        row=np.zeros((1, 1_000_000), np.float32),
    )


def expand(model: ModelProto) -> None:
    """A number of the picture, 10^12 times."""
    add_score(
        model,
        helper.make_node("ReduceMax", ["pixels"], ["top"], keepdims=0),
        helper.make_node("Expand", ["top", "shape"], ["grown"]),
        helper.make_node("ReduceSum", ["grown"], ["extra"], keepdims=0),
        shape=np.array([HUGE]),
    )


REFUSED: dict[Callable[[ModelProto], None], str] = {
    loop_for_ever: "the operator Loop",
    branch: "the operator If",
    graph_of_an_operator_without: "a graph inside its graph",
    exponential_functions: "functions of its own",
    custom_domain: "its operator own:Relu is a custom one",
    draw_random_numbers: "the operator RandomNormal",
    sparse_weights: "sparse weights",
    sparse_constant: "a sparse tensor",
    declare_more_than_there_is: "is damaged: it declares 1099511627776 numbers and lacks them",
    texts: "texts",
    external_weights: "its weights lie in another file",
    too_many_nodes: "operators, more than 10,000",
    train: "a training step",
}
"""What is refused before ONNX Runtime sees it, and how."""

STOPPED = (grow_from_constants, grow_in_pieces, grow_by_broadcasting, expand)
"""What is stopped while it runs."""


def seal_hostile(attack: Callable[[ModelProto], None], path: Path) -> Path:
    """Write a model with an attack in it, and metadata and certificate that fit."""
    model = plain()
    attack(model)
    opened = open_artifact(BUNDLED)
    if attack is external_weights:  # nothing is sealed with weights elsewhere
        path.write_bytes(model.SerializeToString())
        return path
    (data,) = seal(".onnx", {".onnx": model.SerializeToString()}, opened.metadata, opened.certificate).values()
    path.write_bytes(data)
    return path
