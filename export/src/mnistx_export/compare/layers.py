"""Finds the first layer of an ONNX or TorchScript file whose output leaves the tolerance."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from mnistx_export.model import Model
from mnistx_runtime.artifact.metadata import INPUT
from mnistx_runtime.errors import BadInput

_LAST_OPERATOR = {
    "Normalize": ("Div", "aten::div"),
    "Conv2d": ("Conv", "aten::_convolution", "aten::conv2d"),
    "ReLU": ("Relu", "aten::relu", "aten::relu_"),
    "MaxPool2d": ("MaxPool", "aten::max_pool2d"),
    "Flatten": ("Reshape", "Flatten", "aten::flatten", "aten::reshape"),
    "Linear": ("Gemm", "Add", "aten::linear", "aten::addmm"),
    "LogSoftmax": ("LogSoftmax", "aten::log_softmax"),
}
"""The operator that a layer ends with, in ONNX and in TorchScript."""

Arrays = list[tuple[str, NDArray[Any]]]


@dataclass(frozen=True)
class Layer:
    """One layer's outputs beside the trained module's.

    Args:
        name: in the trained module.
        max_abs: largest absolute difference; infinite where a value isn't finite.
        scale: largest absolute value in the trained module.
        passed: the difference is at most the tolerance, times the scale where that is above 1.
    """

    name: str
    max_abs: float
    scale: float
    passed: bool


def compare_layers(path: Path, model: Model, images: NDArray[np.uint8], atol: float) -> list[Layer]:
    """Every layer of an artifact beside that of the module it was made of.

    Args:
        path: ends in .onnx or .torchscript.
        model: whose module is a list of layers, `nn.Sequential`.
        images: uint8 `(N, channels, height, width)`.
        atol: tolerance; see `Layer`.

    Returns:
        The layers in order; the first that hasn't passed is where it goes wrong.

    Raises:
        BadInput: another format, a module of another kind, or a file that isn't built of the same layers.
    """
    if path.suffix not in _OUTPUTS:
        raise BadInput(f"{path}: --layers looks into {' and '.join(_OUTPUTS)} files")
    children: list[tuple[str, nn.Module]] = [("normalize", model.deployed.normalize), *model.module.named_children()]
    children = [(name, layer) for name, layer in children if not isinstance(layer, nn.Identity | nn.Dropout)]
    strange = next((layer for _, layer in children if type(layer).__name__ not in _LAST_OPERATOR), None)
    if strange is not None or not isinstance(model.module, nn.Sequential):
        what = type(strange or model.module).__name__
        raise BadInput(f"--layers follows nn.Sequential of {', '.join(_LAST_OPERATOR)}, not {what}")
    found = _OUTPUTS[path.suffix](path, images)
    layers, value, at = [], torch.from_numpy(images), 0
    with torch.inference_mode():
        for name, child in children:
            value = child(value)
            expected = value.numpy()
            at += _offset(found[at:], type(child).__name__, expected.shape, name)
            gap = np.abs(found[at][1].astype(np.float64) - expected)
            largest = float(gap.max()) if np.isfinite(gap).all() else float("inf")
            scale = float(np.abs(expected).max())
            layers.append(Layer(name, largest, scale, largest <= atol * max(1.0, scale)))
            at += 1
    return layers


def _offset(found: Arrays, kind: str, shape: tuple[int, ...], name: str) -> int:
    """Of the last of the next operators of this kind in a row, as a division that belongs to another one."""
    operators = _LAST_OPERATOR[kind]
    fitting = [i for i in range(len(found)) if found[i][0] in operators and found[i][1].shape == shape]
    if not fitting:
        raise BadInput(f"the file isn't built of the trained module's layers: it has nothing like {name}")
    return fitting[1] if name == "normalize" and len(fitting) > 1 else fitting[0]


def _onnx_outputs(path: Path, images: NDArray[np.uint8]) -> Arrays:
    import onnx
    import onnxruntime as ort

    model = onnx.load(path)
    known = {output.name for output in model.graph.output}
    names = [(node.op_type, node.output[0]) for node in model.graph.node]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for _, name in names if name not in known)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    if [(given.name, given.type) for given in session.get_inputs()] != [(INPUT, "tensor(uint8)")]:
        raise BadInput(f"{path}: --layers looks into files with mnistx's interface, {INPUT} uint8 [N, 1, 28, 28]")
    outputs = session.run([name for _, name in names], {INPUT: images})
    return [(operator, output) for (operator, _), output in zip(names, outputs, strict=True)]


def _torchscript_outputs(path: Path, images: NDArray[np.uint8]) -> Arrays:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = torch.jit.load(str(path), map_location="cpu")  # type: ignore[no-untyped-call]
        graph = module.inlined_graph.copy()
        nodes = list(_nodes(graph))
        values = [node.output() for node in nodes]
        together = graph.appendNode(graph.create("prim::TupleConstruct", values, 1))
        together.output().setType(torch._C.TupleType([value.type() for value in values]))
        graph.eraseOutput(0)
        graph.registerOutput(together.output())
        run = torch._C._create_function_from_graph("layers", graph)
        with torch.inference_mode():
            outputs = run(module._c, torch.from_numpy(images))
    return [(node.kind(), output.numpy()) for node, output in zip(nodes, outputs, strict=True)]


def _nodes(graph: Any) -> Iterator[Any]:
    kinds = {kind for operators in _LAST_OPERATOR.values() for kind in operators}
    return (node for node in graph.nodes() if node.kind() in kinds and node.outputsSize() == 1)


_OUTPUTS = {".onnx": _onnx_outputs, ".torchscript": _torchscript_outputs}
