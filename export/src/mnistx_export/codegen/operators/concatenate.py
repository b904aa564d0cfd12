"""Concatenation of channels."""

from dataclasses import dataclass

from mnistx_export.codegen.network import Constant, Kernel, Layer
from mnistx_export.codegen.node import Node, unsupported
from mnistx_export.codegen.operators.activation import byte_table
from mnistx_runtime.artifact.c_text import fill

_CONCATENATE = """
static void $name($inputs, $parameters$type *y)
{
    for (int32_t i = 0; i < $pixels; i++) {
$copies
    }
}
"""

_COPY = """
        for (int32_t c = 0; c < $channels; c++) {
            *y++ = $value;
        }
"""


@dataclass(frozen=True)
class Concatenate:
    """Tensors side by side, by channels."""

    def kernel(self, layer: Layer) -> Kernel:
        """See `Operator.kernel`."""
        y = layer.output
        if len({each.type for each in (*layer.inputs, y)}) > 1:
            raise unsupported(layer.name, "Concat", "its inputs and its output are quantized in part")
        copies, tables, parameters = [], [], ""
        for at, each in enumerate(layer.inputs):
            value = f"x{at}[(i * {each.shape[-1]}) + c]"
            if each.quantization and y.quantization and each.quantization != y.quantization:
                tables.append(Constant(f"table{at}", byte_table(each.quantization, y.quantization)))
                parameters += f"const uint8_t *table{at}, "
                value = f"table{at}[{value}]"
            copies.append(fill(_COPY, channels=each.shape[-1], value=value))
        text = fill(
            _CONCATENATE,
            inputs=", ".join(f"const {each.type} *x{at}" for at, each in enumerate(layer.inputs)),
            parameters=parameters,
            type=y.type,
            pixels=y.size // y.shape[-1],
            copies="\n".join(copies),
            name="$name",
        )
        return Kernel("concatenate", text, tuple(tables))


def read_concat(node: Node) -> Concatenate:
    """ONNX' Concat."""
    rank = len(node.shape) + 1
    if int(node.attributes["axis"]) % rank != 1 or node.weights:
        raise node.refuse("only channels that are computed can be put side by side")
    return Concatenate()
