"""Convolutions, plain, grouped and depthwise; with an activation's bounds, and a max pool over what it computes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnistx_export.codegen.clamp import NONE, Clamp
from mnistx_export.codegen.network import Constant, Kernel, Layer, as_float32
from mnistx_export.codegen.node import Node, Weights
from mnistx_export.codegen.output import writer
from mnistx_runtime.artifact.c_text import fill

_SUM = """
static void $name_at(const $input *x, const $weight *weights, const $sum *bias, int32_t top, int32_t left, $sum *sum)
{
    for (int32_t o = 0; o < $outputs; o++) {
        sum[o] = bias[o];
    }
    for (int32_t i = 0; i < $kernel_height; i++) {
        const int32_t row = top + (i * $dilation_y);
        for (int32_t j = 0; j < $kernel_width; j++) {
            const int32_t column = left + (j * $dilation_x);
            if ((row < 0) || (row >= $height) || (column < 0) || (column >= $width)) {
                continue;
            }
            const $input *pixel = x + (((row * $width) + column) * $channels);
            const $weight *tap = weights + (((i * $kernel_width) + j) * $taps);
$products
        }
    }
}
"""

_DENSE = """
            for (int32_t c = 0; c < $channels; c++) {
                const $sum value = $value;
                for (int32_t o = 0; o < $outputs; o++) {
                    sum[o] += value * tap[(c * $outputs) + o];
                }
            }
"""

_GROUPED = """
            for (int32_t g = 0; g < $groups; g++) {
                for (int32_t k = 0; k < $group_channels; k++) {
                    const int32_t c = (g * $group_channels) + k;
                    const $sum value = $value;
                    for (int32_t o = 0; o < $group_outputs; o++) {
                        sum[(g * $group_outputs) + o] += value * tap[(c * $group_outputs) + o];
                    }
                }
            }
"""

_DEPTHWISE = """
            for (int32_t c = 0; c < $channels; c++) {
                sum[c] += $value * tap[c];
            }
"""

_PLAIN = """
static void $name(const $input *x, const $weight *weights, const $sum *bias, $parameters$output *y)
{
    for (int32_t row = 0; row < $rows; row++) {
        for (int32_t column = 0; column < $columns; column++) {
            $sum sum[$outputs];
            $name_at(x, weights, bias, (row * $stride_y) - $top, (column * $stride_x) - $left, sum);
            for (int32_t o = 0; o < $outputs; o++) {
                y[o] = $written;
            }
            y += $outputs;
        }
    }
}
"""

_POOLED = """
static void $name(const $input *x, const $weight *weights, const $sum *bias, $parameters$output *y)
{
    for (int32_t row = 0; row < $rows; row++) {
        for (int32_t column = 0; column < $columns; column++) {
            $sum sum[$outputs];
            $sum best[$outputs] = {0};
            for (int32_t i = 0; i < $pool; i++) {
                for (int32_t j = 0; j < $pool; j++) {
                    const int32_t top = (((row * $pool) + i) * $stride_y) - $top;
                    const int32_t left = (((column * $pool) + j) * $stride_x) - $left;
                    $name_at(x, weights, bias, top, left, sum);
                    for (int32_t o = 0; o < $outputs; o++) {
                        best[o] = (((i == 0) && (j == 0)) || (sum[o] > best[o])) ? sum[o] : best[o];
                    }
                }
            }
            for (int32_t o = 0; o < $outputs; o++) {
                y[o] = $written;
            }
            y += $outputs;
        }
    }
}
"""


@dataclass(frozen=True, eq=False)
class Convolution:
    """A convolution.

    Args:
        weights: `(kernel height, kernel width, channels, outputs of a group)`, float32 or int8.
        bias: one an output, float32; int32 where the weights are quantized, in steps of input scale times weight scale.
        scale: of a weight's step, one an output; None of float32.
        stride: rows, columns.
        pads: rows above and columns on the left.
        dilation: rows, columns.
        groups: into which channels and outputs fall.
        clamp: bounds of what is written.
        pool: the side of the squares whose largest number is written; 1 for none.
    """

    weights: NDArray[np.generic]
    bias: NDArray[np.generic]
    scale: NDArray[np.float32] | None
    stride: tuple[int, int]
    pads: tuple[int, int]
    dilation: tuple[int, int]
    groups: int
    clamp: Clamp = NONE
    pool: int = 1

    def kernel(self, layer: Layer) -> Kernel:
        """See `Operator.kernel`."""
        return direct(self, layer)


def direct(operator: Convolution, layer: Layer) -> Kernel:
    """The plain way: of each output pixel, the sum over its window."""
    x, y = layer.inputs[0], layer.output
    written = writer(layer, operator.clamp, operator.scale, "best[o]" if operator.pool > 1 else "sum[o]")
    height, width, channels = x.shape
    outputs = y.shape[2]
    depthwise = operator.groups == channels == outputs
    products = _DEPTHWISE if depthwise else _DENSE if operator.groups == 1 else _GROUPED
    zero = x.quantization.zero if x.quantization else 0
    value = f"((int32_t)pixel[c] - {zero})" if x.quantization else "pixel[c]"
    kernel_height, kernel_width, _, group_outputs = operator.weights.shape
    sizes = {
        "input": x.type,
        "weight": "int8_t" if x.quantization else "float",
        "sum": "int32_t" if x.quantization else "float",
        "output": y.type,
        "height": height,
        "width": width,
        "channels": channels,
        "outputs": outputs,
        "groups": operator.groups,
        "group_channels": channels // operator.groups,
        "group_outputs": group_outputs,
        "taps": channels * group_outputs,
        "kernel_height": kernel_height,
        "kernel_width": kernel_width,
        "stride_y": operator.stride[0],
        "stride_x": operator.stride[1],
        "top": operator.pads[0],
        "left": operator.pads[1],
        "dilation_y": operator.dilation[0],
        "dilation_x": operator.dilation[1],
        "rows": y.shape[0],
        "columns": y.shape[1],
        "pool": operator.pool,
    }
    text = fill(
        _SUM + (_POOLED if operator.pool > 1 else _PLAIN),
        **sizes,
        products=fill(products, **sizes, value=value),
        parameters=written.parameters,
        written=written.expression,
        name="$name",
        name_at="$name_at",
    )
    constants = (Constant("weights", operator.weights), Constant("bias", operator.bias), *written.constants)
    return Kernel("convolve", text, constants, helpers=written.helpers)


def read_conv(node: Node) -> Convolution:
    """ONNX' Conv."""
    weights = required_weights(node)
    if weights.values.ndim != 4:
        raise node.refuse(f"only convolutions over two dimensions can be written, not {weights.values.ndim - 2}")
    top, left, _, _ = node.pads()
    bias = node.weights.get(2)
    return Convolution(
        weights=np.ascontiguousarray(_by_tap(weights.values, int(node.attributes.get("group", 1)))),
        bias=bias.values if bias else np.zeros(len(weights.values), np.float32 if weights.scale is None else np.int32),
        scale=weights.scale,
        stride=node.pair("strides"),
        pads=(top, left),
        dilation=node.pair("dilations"),
        groups=int(node.attributes.get("group", 1)),
    )


def read_batch_norm(node: Node) -> Convolution:
    """ONNX' BatchNormalization, where no layer before it takes it up: a depthwise convolution of single pixels."""
    given = [node.weights[at].values.astype(np.float64) for at in range(1, 5) if at in node.weights]
    if len(given) != 4 or len(node.shape) != 3:
        raise node.refuse("only trained numbers of planes' channels can be written")
    scale, shift, mean, variance = given
    factor = scale / np.sqrt(variance + float(node.attributes.get("epsilon", 1e-5)))
    return Convolution(
        weights=as_float32(factor).reshape(1, 1, -1, 1),
        bias=as_float32(shift - mean * factor),
        scale=None,
        stride=(1, 1),
        pads=(0, 0),
        dilation=(1, 1),
        groups=len(factor),
    )


def _by_tap(values: NDArray[np.generic], groups: int) -> NDArray[np.generic]:
    """Weights `(outputs, channels of a group, kh, kw)` as `(kh, kw, channels, outputs of a group)`."""
    outputs, inside, height, width = values.shape
    grouped = values.reshape(groups, outputs // groups, inside, height, width)
    return grouped.transpose(3, 4, 0, 2, 1).reshape(height, width, groups * inside, outputs // groups)


def required_weights(node: Node) -> Weights:
    """The weights of a layer, its second input.

    Raises:
        BadInput: they are computed.
    """
    if 1 not in node.weights:
        raise node.refuse("its weights are computed as it runs")
    return node.weights[1]
