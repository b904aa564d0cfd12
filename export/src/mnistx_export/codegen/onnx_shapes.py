"""The shapes of an ONNX graph, as PyTorch has them.

Where a pool rounds the number of its windows up (ceil_mode), ONNX counts a window that begins beyond the image, too;
PyTorch and ONNX Runtime don't. So such a pool first gets as much padding as its last window that counts reaches beyond.
"""

import onnx

from mnistx_export.codegen.node import unsupported

_POOLS = ("AveragePool", "MaxPool")


def infer_shapes(model: onnx.ModelProto) -> onnx.GraphProto:
    """The graph of a model with the shapes of all that its nodes write, of one image; no pool rounds up any more.

    Args:
        model: with one input.

    Raises:
        BadInput: a pool counts padding, and its windows reach beyond it; the text names it.
    """
    fixed = onnx.ModelProto()
    fixed.CopyFrom(model)
    fixed.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    for node in fixed.graph.node:
        if node.op_type in _POOLS and _numbers(node, "ceil_mode", [0]) != [0]:
            _pad(node, _shapes(_inferred(fixed, strict=False))[node.input[0]][2:])
    return _inferred(fixed, strict=True)


def _inferred(model: onnx.ModelProto, strict: bool) -> onnx.GraphProto:
    """With all shapes; or without those behind a pool that rounds up, which may not go together."""
    return onnx.shape_inference.infer_shapes(model, strict_mode=strict, data_prop=True).graph


def _shapes(graph: onnx.GraphProto) -> dict[str, list[int]]:
    values = (*graph.value_info, *graph.input)
    return {value.name: [dim.dim_value for dim in value.type.tensor_type.shape.dim] for value in values}


def _pad(node: onnx.NodeProto, sides: list[int]) -> None:
    """Let a pool round down, padded so that it has as many windows.

    Args:
        node: the pool.
        sides: height and width of what it reads.
    """
    kernel, stride = _numbers(node, "kernel_shape", []), _numbers(node, "strides", [1, 1])
    pads = _numbers(node, "pads", [0, 0, 0, 0])
    counted = _numbers(node, "count_include_pad", [0]) != [0]
    found = list(pads)
    for at, side in enumerate(sides):
        count = -(-(side + pads[at] + pads[at + 2] - kernel[at]) // stride[at]) + 1
        count -= (count - 1) * stride[at] >= side + pads[at]
        found[at + 2] = max(0, (count - 1) * stride[at] + kernel[at] - side - pads[at])
        if counted and any(pads) and found[at + 2] > pads[at + 2]:
            raise unsupported(
                node.output[0], node.op_type, "it counts padding, and its windows reach beyond it (ceil_mode)"
            )
    changed: dict[str, int | list[int]] = {"ceil_mode": 0, "pads": found}
    if counted and not any(pads):
        changed["count_include_pad"] = 0
    kept = [each for each in node.attribute if each.name not in changed]
    del node.attribute[:]
    node.attribute.extend([*kept, *(onnx.helper.make_attribute(name, value) for name, value in changed.items())])


def _numbers(node: onnx.NodeProto, name: str, default: list[int]) -> list[int]:
    for each in node.attribute:
        if each.name == name:
            value = onnx.helper.get_attribute_value(each)
            return list(value) if isinstance(value, (list, tuple)) else [int(value)]
    return default
