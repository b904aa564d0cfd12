"""Sums and products of two tensors: of residual branches, and of squeeze-and-excite's gates."""

from dataclasses import dataclass

import numpy as np

from mnistx_export.codegen.clamp import NONE, Clamp
from mnistx_export.codegen.helpers import CLAMP_FLOAT, REQUANTIZE
from mnistx_export.codegen.network import Kernel, Layer
from mnistx_export.codegen.node import Node, unsupported
from mnistx_export.codegen.scales import fixed_point
from mnistx_runtime.artifact.c_text import fill

_BOTH = """
static void $name(const $type *a, const $type *b, $type *y)
{
    for (int32_t i = 0; i < $size; i++) {
        y[i] = $written;
    }
}
"""


@dataclass(frozen=True)
class Elementwise:
    """A sum or a product of two tensors of the same shape, or of one and a number a channel.

    Args:
        product: whether it multiplies.
        clamp: bounds of what is written.
    """

    product: bool
    clamp: Clamp = NONE

    def kernel(self, layer: Layer) -> Kernel:
        """See `Operator.kernel`."""
        (a, b), y = layer.inputs, layer.output
        places = [_place(each.shape, y.shape) for each in (a, b)]
        kind = "Mul" if self.product else "Add"
        if None in places:
            raise unsupported(layer.name, kind, f"shapes {a.shape} and {b.shape} don't go together")
        left, right = f"a[{places[0]}]", f"b[{places[1]}]"
        if a.quantization and b.quantization and y.quantization:
            left, right = f"({left} - {a.quantization.zero})", f"({right} - {b.quantization.zero})"
            low, high = self.clamp.of_bytes(y.quantization)
            if self.product:
                (multiplier,), shift = fixed_point([a.quantization.scale * b.quantization.scale / y.quantization.scale])
                real = f"rescale({left} * {right}, {multiplier}, {shift})"
            else:
                scales = np.array([a.quantization.scale, b.quantization.scale]) / y.quantization.scale
                (first, second), shift = fixed_point(scales, _SUM_BITS)
                real = f"rescale(({left} * {first}) + ({right} * {second}), 1, {shift})"
            written = f"to_byte({real} + {y.quantization.zero}, {low}, {high})"
            text = fill(_BOTH, type="uint8_t", size=y.size, written=written, name="$name")
            return Kernel("multiply" if self.product else "add", text, helpers=REQUANTIZE)
        if a.quantization or b.quantization or y.quantization:
            raise unsupported(layer.name, kind, "its inputs and its output are quantized in part")
        written = self.clamp.of_float(f"{left} {'*' if self.product else '+'} {right}")
        text = fill(_BOTH, type="float", size=y.size, written=written, name="$name")
        return Kernel("multiply" if self.product else "add", text, helpers=CLAMP_FLOAT)


_SUM_BITS = 22  # of a multiplier: two of them, each times a byte, stay below 2**31


def _place(shape: tuple[int, ...], whole: tuple[int, ...]) -> str | None:
    """Where the i-th number of the output finds its own; None where it finds none."""
    if shape == whole:
        return "i"
    if len(whole) == 3 and shape in ((1, 1, whole[2]), (whole[2],)):
        return f"i % {whole[2]}"
    return None


def read_add(node: Node) -> Elementwise:
    """ONNX' Add."""
    return _read(node, product=False)


def read_mul(node: Node) -> Elementwise:
    """ONNX' Mul."""
    return _read(node, product=True)


def _read(node: Node, product: bool) -> Elementwise:
    if len(node.inputs) != 2:
        raise node.refuse("it takes a constant, which only layers' weights can be")
    return Elementwise(product)
