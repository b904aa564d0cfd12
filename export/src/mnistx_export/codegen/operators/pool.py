"""Max pools, average pools, and the largest number or the average of a whole plane."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from mnistx_export.codegen.helpers import REQUANTIZE
from mnistx_export.codegen.network import Constant, Kernel, Layer
from mnistx_export.codegen.node import Node, unsupported
from mnistx_export.codegen.operators.activation import byte_table
from mnistx_export.codegen.scales import fixed_point
from mnistx_runtime.artifact.c_text import TYPES, fill, float_literal

_POOL = """
static void $name(const $input *x, $parameters$output *y)
{
    for (int32_t row = 0; row < $rows; row++) {
        for (int32_t column = 0; column < $columns; column++) {
            const int32_t top = (row * $stride_y) - $pad_y;
            const int32_t left = (column * $stride_x) - $pad_x;
            const int32_t first_row = (top < 0) ? 0 : top;
            const int32_t first_column = (left < 0) ? 0 : left;
            const int32_t end_row = ((top + $kernel_height) > $height) ? $height : (top + $kernel_height);
            const int32_t end_column = ((left + $kernel_width) > $width) ? $width : (left + $kernel_width);
$count            for (int32_t c = 0; c < $channels; c++) {
                $sum found = $start;
                for (int32_t i = first_row; i < end_row; i++) {
                    for (int32_t j = first_column; j < end_column; j++) {
                        const $sum value = x[(((i * $width) + j) * $channels) + c];
                        found = $step;
                    }
                }
                y[c] = $written;
            }
            y += $channels;
        }
    }
}
"""

_COUNT = "            const int32_t count = (end_row - first_row) * (end_column - first_column);\n"
_FIRST = "x[(((first_row * $width) + first_column) * $channels) + c]"
_IN_PART = "its input is quantized and its output isn't, or the other way"


@dataclass(frozen=True)
class Pool:
    """A pool.

    Args:
        average: whether it writes the mean; else the largest number.
        kernel_size: rows, columns.
        stride: likewise.
        pads: rows above, columns on the left.
        count_padding: whether padding counts as zeros in a mean.
    """

    average: bool
    kernel_size: tuple[int, int]
    stride: tuple[int, int]
    pads: tuple[int, int]
    count_padding: bool = False

    def kernel(self, layer: Layer) -> Kernel:
        """See `Operator.kernel`."""
        x, y = layer.inputs[0], layer.output
        height, width, channels = x.shape
        rows, columns = (1, 1) if len(y.shape) == 1 else y.shape[:2]
        sizes = {
            "input": x.type,
            "output": y.type,
            "sum": "int32_t" if x.quantization else "float",
            "height": height,
            "width": width,
            "channels": channels,
            "rows": rows,
            "columns": columns,
            "kernel_height": self.kernel_size[0],
            "kernel_width": self.kernel_size[1],
            "stride_y": self.stride[0],
            "stride_x": self.stride[1],
            "pad_y": self.pads[0],
            "pad_x": self.pads[1],
        }
        parts = self._average(layer) if self.average else self._largest(layer)
        text = fill(
            _POOL,
            **sizes,
            parameters="".join(f"const {TYPES[each.values.dtype.name]} *{each.name}, " for each in parts.constants),
            count=_COUNT if "count" in parts.written else "",
            start=fill(parts.start, **sizes),
            step=parts.step,
            written=parts.written,
            name="$name",
        )
        return Kernel("pool_mean" if self.average else "pool_max", text, parts.constants, helpers=parts.helpers)

    def _is_cut(self, layer: Layer) -> bool:
        """Whether a window reaches beyond what it reads."""
        sides, counts = layer.inputs[0].shape[:2], layer.output.shape[:2] if len(layer.output.shape) == 3 else (1, 1)
        given = zip(sides, counts, self.kernel_size, self.stride, self.pads, strict=True)
        return any(pad or (count - 1) * stride + kernel > side for side, count, kernel, stride, pad in given)

    def _largest(self, layer: Layer) -> "_Parts":
        x, y = layer.inputs[0].quantization, layer.output.quantization
        step = "(value > found) ? value : found"
        if x is None or y is None:
            if x is not y:
                raise unsupported(layer.name, "MaxPool", _IN_PART)
            return _Parts(_FIRST, step, "found")
        if x == y:
            return _Parts(_FIRST, step, "(uint8_t)found")
        return _Parts(_FIRST, step, "table[found]", (Constant("table", byte_table(x, y)),))

    def _average(self, layer: Layer) -> "_Parts":
        x, y = layer.inputs[0].quantization, layer.output.quantization
        whole = self.kernel_size[0] * self.kernel_size[1]
        varies = not self.count_padding and self._is_cut(layer)
        if x is None or y is None:
            if x is not y:
                raise unsupported(layer.name, "AveragePool", _IN_PART)
            return _Parts("0.0f", "found + value", f"found / {'(float)count' if varies else float_literal(whole)}")
        counts = np.arange(1, whole + 1) if varies else np.array([whole])
        multipliers, shift = fixed_point(x.scale / y.scale / counts)
        multiplier = "multiplier[count - 1]" if varies else str(multipliers[0])
        return _Parts(
            "0",
            f"found + (value - {x.zero})",
            f"to_byte(rescale(found, {multiplier}, {shift}) + {y.zero}, 0, 255)",
            (Constant("multiplier", multipliers),) if varies else (),
            REQUANTIZE,
        )


@dataclass(frozen=True, eq=False)
class _Parts:
    """What of the template is a kind's own.

    Args:
        start: of `found`.
        step: what becomes of `found` with another `value`.
        written: the output's expression, of `found` and of the window's `count` of numbers.
        constants: see `Kernel`.
        helpers: see `Kernel`.
    """

    start: str
    step: str
    written: str
    constants: tuple[Constant, ...] = ()
    helpers: Mapping[str, str] = field(default_factory=dict)


def read_max(node: Node) -> Pool:
    """ONNX' MaxPool."""
    if node.pair("dilations") != (1, 1):
        raise node.refuse("its window has gaps (dilation)")
    return Pool(False, node.pair("kernel_shape"), node.pair("strides"), node.pads()[:2])


def read_average(node: Node) -> Pool:
    """ONNX' AveragePool."""
    counted = bool(node.attributes.get("count_include_pad", 0))
    return Pool(True, node.pair("kernel_shape"), node.pair("strides"), node.pads()[:2], counted)


def read_global_average(node: Node) -> Pool:
    """ONNX' GlobalAveragePool."""
    _, height, width = node.input_shapes[0]
    return Pool(True, (height, width), (height, width), (0, 0))


def read_global_max(node: Node) -> Pool:
    """ONNX' GlobalMaxPool."""
    return replace(read_global_average(node), average=False)


def read_mean(node: Node) -> Pool:
    """ONNX' ReduceMean over height and width."""
    axes = (
        [int(axis) for axis in node.weights[1].values] if 1 in node.weights else list(node.attributes.get("axes", []))
    )
    rank = len(node.input_shapes[0]) + 1
    if rank != 4 or sorted(axis % rank for axis in axes) != [2, 3]:
        raise node.refuse("only that over height and width can be written")
    return read_global_average(node)


def read_largest(node: Node) -> Pool:
    """ONNX' ReduceMax over height and width."""
    return replace(read_mean(node), average=False)
