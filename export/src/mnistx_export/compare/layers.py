"""Finds the first layer of an ONNX or TorchScript file whose output leaves the tolerance."""

from collections import Counter
from collections.abc import Callable, Iterator
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
from mnistx_train.evaluation.inference import evaluation_mode

_LAST_OPERATOR = {
    "Normalize": ("Div", "aten::div"),
    "Conv2d": ("Conv", "aten::_convolution", "aten::conv2d"),
    "BatchNorm2d": ("BatchNormalization", "Conv", "aten::batch_norm", "aten::_convolution", "aten::conv2d"),
    "ReLU": ("Relu", "aten::relu", "aten::relu_"),
    "MaxPool2d": ("MaxPool", "aten::max_pool2d"),
    "Flatten": ("Reshape", "Flatten", "aten::flatten", "aten::reshape"),
    "Linear": ("Gemm", "Add", "aten::linear", "aten::addmm"),
    "LogSoftmax": ("LogSoftmax", "aten::log_softmax"),
}
"""The operator that a layer ends with, in ONNX and in TorchScript. Exporters may fold a batch normalization into the
convolution before it."""

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


@dataclass(frozen=True, eq=False)
class Call:
    """What a layer of the trained module was given and gave, each time that it was called.

    Args:
        name: in the trained module; from the second time on with how many times it was.
        kind: its class.
        given: the identity of the tensor that it was called with.
        gave: the identity of its output.
        output: its numbers then, before another layer changed them in place.
    """

    name: str
    kind: str
    given: int
    gave: int
    output: NDArray[Any]


def compare_layers(path: Path, model: Model, images: NDArray[np.uint8], atol: float) -> list[Layer]:
    """Every layer of an artifact beside that of the module it was made of.

    Args:
        path: ends in .onnx or .torchscript.
        model: of its module, of any kind, the layers are followed that are modules of their own, such as nn.Conv2d, in
            the order in which they are called; what is computed between them isn't looked at.
        images: uint8 `(N, channels, height, width)`.
        atol: tolerance; see `Layer`.

    Returns:
        The layers in order; the first that hasn't passed is where it goes wrong.

    Raises:
        BadInput: another format, no layer to follow, or a file that isn't built of the same layers.
    """
    if path.suffix not in _OUTPUTS:
        raise BadInput(f"{path}: --layers looks into {' and '.join(_OUTPUTS)} files")
    with evaluation_mode(model.module):
        calls = trace_layers(model, images)
    if len(calls) < 2:
        raise BadInput(f"--layers follows modules such as {', '.join(_LAST_OPERATOR)}, and this one has none of them")
    found = _OUTPUTS[path.suffix](path, images)
    calls = _without_folded(calls, found)
    layers, at = [], 0
    for call in calls:
        at += _offset(found[at:], call)
        gap = np.abs(found[at][1].astype(np.float64) - call.output)
        largest = float(gap.max()) if np.isfinite(gap).all() else float("inf")
        scale = float(np.abs(call.output).max())
        layers.append(Layer(call.name, largest, scale, largest <= atol * max(1.0, scale)))
        at += 1
    return layers


def trace_layers(model: Model, images: NDArray[np.uint8]) -> list[Call]:
    """The calls of the trained module's layers that can be followed, in order, the normalization first.

    Args:
        model: whose module is run as it is deployed. Layers that aren't called, that give something else than a tensor,
            or do nothing, as dropout, have no call.
        images: uint8 `(N, channels, height, width)`.
    """
    calls: list[Call] = []
    times: Counter[str] = Counter()
    kept = []  # so that no identity is given twice

    def hook(name: str) -> Callable[[nn.Module, Any, Any], None]:
        def note(layer: nn.Module, given: Any, gave: Any) -> None:
            kept.append((given, gave))
            times[name] += 1
            shown = name if times[name] == 1 else f"{name} (call {times[name]})"
            output = gave.detach().clone().numpy()
            calls.append(Call(shown, type(layer).__name__, id(given[0]) if given else 0, id(gave), output))

        return note

    followed = [("normalize", model.deployed.normalize), *model.module.named_modules()]
    handles = [
        layer.register_forward_hook(hook(name or "module"))
        for name, layer in followed
        if type(layer).__name__ in _LAST_OPERATOR
    ]
    try:
        with torch.no_grad():
            model.deployed(torch.from_numpy(images))
    finally:
        for handle in handles:
            handle.remove()
    return calls


def _without_folded(calls: list[Call], found: Arrays) -> list[Call]:
    """The calls without the convolutions that lie in the file with the batch normalization behind them folded in."""
    if any(operator in ("BatchNormalization", "aten::batch_norm") for operator, _ in found):
        return calls
    folded = {call.given for call in calls if call.kind == "BatchNorm2d"}
    return [call for call in calls if call.kind != "Conv2d" or call.gave not in folded]


def _offset(found: Arrays, call: Call) -> int:
    """Of the last of the next operators of this kind in a row, as a division that belongs to another one."""
    operators = _LAST_OPERATOR[call.kind]
    fitting = [i for i in range(len(found)) if found[i][0] in operators and found[i][1].shape == call.output.shape]
    if not fitting:
        raise BadInput(f"the file isn't built of the trained module's layers: it has nothing like {call.name}")
    return fitting[1] if call.kind == "Normalize" and len(fitting) > 1 else fitting[0]


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
        values = [_copy_of(graph, node) for node in nodes]
        together = graph.appendNode(graph.create("prim::TupleConstruct", values, 1))
        together.output().setType(torch._C.TupleType([value.type() for value in values]))
        graph.eraseOutput(0)
        graph.registerOutput(together.output())
        run = torch._C._create_function_from_graph("layers", graph)
        with torch.inference_mode():
            outputs = run(module._c, torch.from_numpy(images))
    return [(node.kind(), output.numpy()) for node, output in zip(nodes, outputs, strict=True)]


def _copy_of(graph: Any, node: Any) -> Any:
    """A copy of a node's output right behind it, which what follows can't change in place."""
    none = graph.create("prim::Constant")
    copy = graph.create("aten::clone", [node.output(), none.output()], 1)
    none.insertAfter(node)
    none.output().setType(torch._C.NoneType.get())
    copy.insertAfter(none)
    return copy.output()


def _nodes(graph: Any) -> Iterator[Any]:
    kinds = {kind for operators in _LAST_OPERATOR.values() for kind in operators}
    return (node for node in graph.nodes() if node.kind() in kinds and node.outputsSize() == 1)


_OUTPUTS = {".onnx": _onnx_outputs, ".torchscript": _torchscript_outputs}
