"""Channels that are taken out of a tensor, or shuffled between groups.

A shuffle is three nodes in ONNX: planes fall into groups, groups and what is in them change places, and the planes are
one row again. A number's place in memory, pixel by pixel, doesn't change by the first and the last of them.
"""

from dataclasses import dataclass
from math import prod

from mnistx_export.codegen.clamp import NONE
from mnistx_export.codegen.network import Kernel, Layer, Operator
from mnistx_export.codegen.node import Node, unsupported
from mnistx_export.codegen.operators.activation import bounds
from mnistx_export.codegen.operators.flatten import read_flatten
from mnistx_runtime.artifact.c_text import fill

GROUPED = 4
"""Dimensions of planes that fall into groups: `(groups, channels of a group, height, width)`."""

_TAKE = """
static void $name(const $type *x, $type *y)
{
    for (int32_t i = 0; i < $pixels; i++) {
        for (int32_t c = 0; c < $count; c++) {
            for (int32_t g = 0; g < $groups; g++) {
                *y++ = x[(i * $channels) + (g * $count) + c + $first];
            }
        }
    }
}
"""


@dataclass(frozen=True)
class Channels:
    """Channels one after the other, of each group in turn.

    Args:
        first: the first one that is taken.
        count: of a group.
        groups: how many.
    """

    first: int
    count: int
    groups: int = 1

    def kernel(self, layer: Layer) -> Kernel:
        """See `Operator.kernel`."""
        x, y = layer.inputs[0], layer.output
        if x.quantization != y.quantization:
            raise unsupported(layer.name, "Split", "its input and output are quantized with different scales")
        text = fill(
            _TAKE,
            type=x.type,
            pixels=y.size // y.shape[-1],
            channels=x.shape[-1],
            first=self.first,
            count=self.count,
            groups=self.groups,
            name="$name",
        )
        return Kernel("take_channels", text)


def read_split(node: Node) -> Channels:
    """One of the outputs of ONNX' Split."""
    if int(node.attributes.get("axis", 0)) % (len(node.shape) + 1) != 1:
        raise node.refuse("only channels can be split")
    return Channels(node.first, node.shape[0])


def read_transpose(node: Node) -> Channels:
    """ONNX' Transpose of groups of planes."""
    groups, count = node.input_shapes[0][:2] if len(node.input_shapes[0]) == GROUPED else (0, 0)
    if not groups or list(node.attributes.get("perm", ())) != [0, 2, 1, 3, 4]:
        raise node.refuse("only groups of planes and what is in them can change places")
    return Channels(0, count, groups)


def read_reshape(node: Node) -> Operator:
    """ONNX' Reshape where it flattens; or where planes fall into groups, or are in groups no more."""
    before, after = node.input_shapes[0], node.shape
    if GROUPED not in (len(before), len(after)):
        return read_flatten(node)
    if before[-2:] != after[-2:] or prod(before) != prod(after) or {len(before), len(after)} != {3, GROUPED}:
        raise node.refuse(f"only channels can be put into groups, not {before} into {after}")
    return bounds(NONE)
