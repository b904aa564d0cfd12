"""From planes to a row of numbers, in PyTorch's order: channel by channel."""

from dataclasses import dataclass
from math import prod

from mnistx_export.codegen.network import Kernel, Layer
from mnistx_export.codegen.node import Node, unsupported
from mnistx_runtime.artifact.c_text import fill

_FLATTEN = """
static void $name(const $type *x, $type *y)
{
    for (int32_t c = 0; c < $channels; c++) {
        for (int32_t i = 0; i < $pixels; i++) {
            *y++ = x[(i * $channels) + c];
        }
    }
}
"""


@dataclass(frozen=True)
class Flatten:
    """A change of order. A pass lets the layer behind take the order that is there, where it can."""

    def kernel(self, layer: Layer) -> Kernel:
        """See `Operator.kernel`."""
        x, y = layer.inputs[0], layer.output
        if x.quantization != y.quantization:
            raise unsupported(layer.name, "Flatten", "its input and output are quantized with different scales")
        if is_in_order(x.shape):
            return Kernel("flatten", "")
        channels = x.shape[-1]
        text = fill(_FLATTEN, type=x.type, channels=channels, pixels=x.size // channels, name="$name")
        return Kernel("flatten", text)


def is_in_order(shape: tuple[int, ...]) -> bool:
    """Whether `(height, width, channels)` lies in memory as `(channels, height, width)` does.

    >>> is_in_order((1, 1, 64)), is_in_order((7, 7, 1)), is_in_order((7, 7, 64))
    (True, True, False)
    """
    return len(shape) == 1 or shape[-1] == 1 or prod(shape[:-1]) == 1


def read_flatten(node: Node) -> Flatten:
    """ONNX' Flatten; and Reshape, Squeeze and Unsqueeze where they flatten, or make a plane of one pixel of a row."""
    count = prod(node.input_shapes[0])
    if node.shape != (count,) and (len(node.input_shapes[0]) > 1 or node.shape != (count, 1, 1)):
        raise node.refuse(f"only flattening can be written, not {node.input_shapes[0]} to {node.shape}")
    return Flatten()
