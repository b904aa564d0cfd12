"""Fully connected layers."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnistx_export.codegen.clamp import NONE, Clamp
from mnistx_export.codegen.network import Constant, Kernel, Layer
from mnistx_export.codegen.node import Node
from mnistx_export.codegen.operators.convolution import required_weights
from mnistx_export.codegen.output import writer
from mnistx_runtime.artifact.c_text import fill

_BY_INPUT = """
static void $name(const $input *x, const $weight *weights, const $sum *bias, $parameters$output *y)
{
    $sum sum[$outputs];
    for (int32_t o = 0; o < $outputs; o++) {
        sum[o] = bias[o];
    }
    for (int32_t k = 0; k < $inputs; k++) {
        const $sum value = $value;
        if ($is_nonzero) {
            const $weight *row = weights + (k * $outputs);
            for (int32_t o = 0; o < $outputs; o++) {
                sum[o] += value * row[o];
            }
        }
    }
    for (int32_t o = 0; o < $outputs; o++) {
        y[o] = $written;
    }
}
"""


@dataclass(frozen=True, eq=False)
class Linear:
    """A fully connected layer.

    Args:
        weights: `(inputs, outputs)`, float32 or int8.
        bias: see `Convolution`.
        scale: see `Convolution`.
        clamp: bounds of what is written.
    """

    weights: NDArray[np.generic]
    bias: NDArray[np.generic]
    scale: NDArray[np.float32] | None
    clamp: Clamp = NONE

    def kernel(self, layer: Layer) -> Kernel:
        """See `Operator.kernel`; rows of weights whose input is 0 are passed over."""
        x, y = layer.inputs[0], layer.output
        written = writer(layer, self.clamp, self.scale, "sum[o]")
        zero = x.quantization.zero if x.quantization else 0
        text = fill(
            _BY_INPUT,
            input=x.type,
            weight="int8_t" if x.quantization else "float",
            sum="int32_t" if x.quantization else "float",
            output=y.type,
            inputs=x.size,
            outputs=y.size,
            value=f"(int32_t)x[k] - {zero}" if x.quantization else "x[k]",
            is_nonzero="value != 0" if x.quantization else "(value < 0.0f) || (value > 0.0f)",
            parameters=written.parameters,
            written=written.expression,
            name="$name",
        )
        constants = (Constant("weights", self.weights), Constant("bias", self.bias), *written.constants)
        return Kernel("connect", text, constants, helpers=written.helpers)


def read_gemm(node: Node) -> Linear:
    """ONNX' Gemm with a constant matrix."""
    weights = required_weights(node)
    given = node.attributes
    if given.get("transA") or given.get("alpha", 1) != 1 or given.get("beta", 1) != 1:
        raise node.refuse("only x W + b can be written")
    values = weights.values.T if given.get("transB") else weights.values
    bias = node.weights.get(2)
    return Linear(
        weights=np.ascontiguousarray(values),
        bias=bias.values if bias else np.zeros(values.shape[1], np.float32 if weights.scale is None else np.int32),
        scale=weights.scale,
    )
