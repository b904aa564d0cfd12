"""From bytes to real numbers and back, where a layer computes in one and its neighbour in the other."""

from dataclasses import dataclass

from mnistx_export.codegen.network import Kernel, Layer
from mnistx_export.codegen.operators.activation import each_number
from mnistx_runtime.artifact.c_text import float_literal

_ROUND = {
    "round_to_byte": """
/* Rounded half up, and within a byte. */
static uint8_t round_to_byte(float value)
{
    return (value < 0.5f) ? (uint8_t)0 : ((value > 254.5f) ? (uint8_t)255 : (uint8_t)(int32_t)(value + 0.5f));
}
"""
}


@dataclass(frozen=True)
class Dequantize:
    """The real numbers that bytes stand for."""

    def kernel(self, layer: Layer) -> Kernel:
        """See `Operator.kernel`."""
        x = layer.inputs[0]
        assert x.quantization is not None
        written = f"(float)(x[i] - {x.quantization.zero}) * {float_literal(x.quantization.scale)}"
        text = each_number(layer, written)
        return Kernel("dequantize", text)


@dataclass(frozen=True)
class Quantize:
    """The bytes that stand for real numbers."""

    def kernel(self, layer: Layer) -> Kernel:
        """See `Operator.kernel`."""
        y = layer.output
        assert y.quantization is not None
        real = f"(x[i] / {float_literal(y.quantization.scale)}) + {float_literal(y.quantization.zero)}"
        text = each_number(layer, f"round_to_byte({real})")
        return Kernel("quantize", text, helpers=_ROUND)
