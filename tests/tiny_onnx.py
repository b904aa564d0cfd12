"""A small model of mnistx's interface, made by hand, that no trained module stands behind."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from mnistx_runtime.artifact.certificate import Certificate
from mnistx_runtime.artifact.container import open_artifact, seal
from mnistx_runtime.artifact.metadata import SCHEMA
from mnistx_runtime.bundled import BUNDLED
from mnistx_runtime.input_spec import InputSpec


def write_tiny(
    path: Path,
    batch: int | str,
    fill: float,
    shape: tuple[int, int, int] = (1, 28, 28),
    classes: int = 10,
    names: Sequence[str] = "0123456789",
) -> Path:
    """A model whose answers are all the same, the sum of the pixels times `fill`, sealed with the digits' metadata.

    Args:
        path: of the file.
        batch: the first dimension that it declares.
        fill: all its weights.
        shape: of its images; of others than MNIST's, the metadata names preprocess "resize".
        classes: columns of its answers, whatever the metadata says.
        names: what the metadata says.
    """
    pixels = int(np.prod(shape))
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, [batch, *shape])
    log_probs = helper.make_tensor_value_info("log_probs", TensorProto.FLOAT, [batch, classes])
    weight = numpy_helper.from_array(np.full((pixels, classes), fill, np.float32), "fc.weight")
    flat = numpy_helper.from_array(np.array([-1, pixels]), "shape")
    nodes = [
        helper.make_node("Cast", ["image"], ["x"], to=TensorProto.FLOAT),
        helper.make_node("Reshape", ["x", "shape"], ["flat"]),
        helper.make_node("MatMul", ["flat", "fc.weight"], ["log_probs"]),
    ]
    graph = helper.make_graph(nodes, "g", [image], [log_probs], [weight, flat])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    metadata = replace(open_artifact(BUNDLED).metadata, names=tuple(names), schema_version=SCHEMA)
    if shape != (1, 28, 28):
        grey = (0.5,) * shape[0]
        spec = InputSpec(channels=shape[0], height=shape[1], width=shape[2], mean=grey, std=grey, preprocess="resize")
        metadata = replace(metadata, input=spec)
    certificate = Certificate(np.zeros((2, *shape), np.uint8), np.zeros((2, len(names)), np.float32))
    path.write_bytes(seal(".onnx", {".onnx": model.SerializeToString()}, metadata, certificate)[".onnx"])
    onnx.checker.check_model(model)
    return path
