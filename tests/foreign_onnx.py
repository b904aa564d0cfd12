"""ONNX files as other tools write them: one layer, whatever its interface is."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

NUMBERS: dict[int, Any] = {
    TensorProto.FLOAT: np.float32,
    TensorProto.FLOAT16: np.float16,
    TensorProto.DOUBLE: np.float64,
}


def weights(pixels: int, classes: int) -> NDArray[np.float32]:
    """Of the layer, for pixels of 0 to 1: answers that differ well."""
    return np.random.default_rng(0).normal(size=(pixels, classes)).astype(np.float32) / np.float32(np.sqrt(pixels))


def foreign_model(
    shape: Sequence[int | str],
    kind: int = TensorProto.FLOAT,
    given: NDArray[Any] | None = None,
    domain: str = "",
    **versions: Any,
) -> onnx.ModelProto:
    """A model that multiplies its flattened input `x` by weights, and gives `scores`.

    Args:
        shape: of its input.
        kind: the type of its input; it computes in float32 where that is of whole numbers.
        given: its weights, `(pixels, classes)`; those of `weights` for 10 classes without it.
        domain: of a custom operator at its end; none without it.
        versions: `opset`, `ir_version`.
    """
    pixels = int(np.prod([size for size in shape[1:] if isinstance(size, int)]))
    matrix = weights(pixels, 10) if given is None else given
    inner = kind if kind in NUMBERS else TensorProto.FLOAT
    nodes = [
        helper.make_node("Cast", ["x"], ["numbers"], to=inner),
        helper.make_node("Flatten", ["numbers"], ["flat"], axis=1),
        helper.make_node("MatMul", ["flat", "weights"], ["product" if domain else "scores"]),
    ]
    opsets = [helper.make_opsetid("", versions.get("opset", 20))]
    if domain:
        nodes.append(helper.make_node("Own", ["product"], ["scores"], domain=domain))
        opsets.append(helper.make_opsetid(domain, 1))
    graph = helper.make_graph(
        nodes,
        "foreign",
        [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info("scores", inner, [shape[0], matrix.shape[1]])],
        [numpy_helper.from_array(matrix.astype(NUMBERS[inner]), "weights")],
    )
    return helper.make_model(
        graph, opset_imports=opsets, ir_version=versions.get("ir_version", 9), producer_name="somebody"
    )


def write(path: Path, model: onnx.ModelProto) -> Path:
    """Write it, unchecked."""
    path.write_bytes(model.SerializeToString())
    return path


def write_external(path: Path, model: onnx.ModelProto, location: str) -> Path:
    """Write it with its weights in another file, whose name in the model is then replaced by `location`."""
    onnx.save(model, path, save_as_external_data=True, location=f"{path.stem}.data", size_threshold=0)
    written = onnx.load(path, load_external_data=False)
    for tensor in written.graph.initializer:
        for entry in tensor.external_data:
            entry.value = location if entry.key == "location" else entry.value
    return write(path, written)


def as_sklearn(model: onnx.ModelProto, labels: Sequence[str]) -> onnx.ModelProto:
    """The same as sklearn-onnx writes a classifier: a label first, then a list of tables of probabilities."""
    graph = model.graph
    graph.node.extend(
        [
            helper.make_node("Softmax", ["scores"], ["probabilities"], axis=1),
            helper.make_node("ArgMax", ["probabilities"], ["label"], axis=1, keepdims=0),
            helper.make_node(
                "ZipMap", ["probabilities"], ["tables"], domain="ai.onnx.ml", classlabels_strings=list(labels)
            ),
        ]
    )
    table = helper.make_map_type_proto(TensorProto.STRING, helper.make_tensor_type_proto(TensorProto.FLOAT, None))
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info("label", TensorProto.INT64, ["N"]))
    graph.output.append(helper.make_value_info("tables", helper.make_sequence_type_proto(table)))
    model.opset_import.append(helper.make_opsetid("ai.onnx.ml", 1))
    return model
