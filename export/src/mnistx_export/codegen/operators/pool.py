"""Max pools, average pools, and the average of a whole plane."""

from dataclasses import dataclass

from mnistx_export.codegen.helpers import REQUANTIZE
from mnistx_export.codegen.network import Kernel, Layer
from mnistx_export.codegen.node import Node, unsupported
from mnistx_export.codegen.scales import fixed_point
from mnistx_runtime.artifact.c_text import fill, float_literal

_POOL = """
static void $name(const $input *x, $output *y)
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

_FIRST = "x[(((first_row * $width) + first_column) * $channels) + c]"


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
        count, start, step, written, helpers = self._average(layer) if self.average else self._largest(layer)
        text = fill(
            _POOL,
            **sizes,
            count=count,
            start=fill(start, **sizes),
            step=step,
            written=written,
            name="$name",
        )
        return Kernel("pool_mean" if self.average else "pool_max", text, helpers=helpers)

    def _largest(self, layer: Layer) -> tuple[str, str, str, str, dict[str, str]]:
        """The parts of the template that differ."""
        if layer.inputs[0].quantization != layer.output.quantization:
            raise unsupported(layer.name, "MaxPool", "its input and output are quantized with different scales")
        written = "(uint8_t)found" if layer.output.quantization else "found"
        return "", _FIRST, "(value > found) ? value : found", written, {}

    def _average(self, layer: Layer) -> tuple[str, str, str, str, dict[str, str]]:
        """The parts of the template that differ."""
        x, y = layer.inputs[0].quantization, layer.output.quantization
        whole = self.kernel_size[0] * self.kernel_size[1]
        varies = self.pads != (0, 0) and not self.count_padding
        if x is None or y is None:
            if x is not y:
                raise unsupported(
                    layer.name, "AveragePool", "its input is quantized and its output isn't, or the other way"
                )
            count = "            const float count = (float)((end_row - first_row) * (end_column - first_column));\n"
            divisor = "count" if varies else float_literal(whole)
            return count if varies else "", "0.0f", "found + value", f"found / {divisor}", {}
        if varies or (self.count_padding and self.pads != (0, 0)):
            raise unsupported(layer.name, "AveragePool", "int8 averages have no padding")
        (multiplier,), shift = fixed_point([x.scale / y.scale / whole])
        rescaled = f"rescale(found - {whole * x.zero}, {multiplier}, {shift}) + {y.zero}"
        return "", "0", "found + value", f"to_byte({rescaled}, 0, 255)", dict(REQUANTIZE)


def read_max(node: Node) -> Pool:
    """ONNX' MaxPool."""
    if node.pair("dilations") != (1, 1):
        raise node.refuse("its window has gaps (dilation)")
    return Pool(False, node.pair("kernel_shape"), node.pair("strides"), node.pads()[:2])


def read_average(node: Node) -> Pool:
    """ONNX' AveragePool."""
    counted = bool(node.attributes.get("count_include_pad", 0))
    if node.attributes.get("ceil_mode") and counted:
        raise node.refuse("it counts padding, and its windows may reach beyond it (ceil_mode)")
    varies = node.attributes.get("ceil_mode") or any(node.pads())
    pool = Pool(True, node.pair("kernel_shape"), node.pair("strides"), node.pads()[:2], counted)
    if varies and not counted and pool.pads == (0, 0):
        raise node.refuse("its windows may reach beyond the image (ceil_mode)")
    return pool


def read_global_average(node: Node) -> Pool:
    """ONNX' GlobalAveragePool."""
    _, height, width = node.input_shapes[0]
    return Pool(True, (height, width), (height, width), (0, 0))


def read_mean(node: Node) -> Pool:
    """ONNX' ReduceMean over height and width."""
    axes = (
        [int(axis) for axis in node.weights[1].values] if 1 in node.weights else list(node.attributes.get("axes", []))
    )
    rank = len(node.input_shapes[0]) + 1
    if rank != 4 or sorted(axis % rank for axis in axes) != [2, 3]:
        raise node.refuse("only the mean over height and width can be written")
    return read_global_average(node)
