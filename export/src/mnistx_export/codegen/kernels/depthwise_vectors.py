"""Depthwise convolutions with vectors over the channels: a few pixels at a time, their sums in registers."""

from mnistx_export.codegen.kernels.arithmetic import Arithmetic, indent
from mnistx_export.codegen.kernels.direct_vectors import COPY, NO_COPY, tile_size
from mnistx_export.codegen.kernels.padding import padding
from mnistx_export.codegen.kernels.vector_output import vector_writer
from mnistx_export.codegen.kernels.vectors import MOST_LANES
from mnistx_export.codegen.network import Constant, Kernel, Layer
from mnistx_export.codegen.operators.convolution import Convolution
from mnistx_runtime.artifact.c_text import fill

_VALUE_BYTES = 4

_CONVOLVE = """
$pad
static void $name(const $input *x, const $value *weights, const $sum *bias, $parameters$output *y$scratch)
{
$copy
    for (int32_t o = 0; o < $outputs; o += $lanes) {
        for (int32_t row = 0; row < $rows; row++) {
            for (int32_t at = 0; at < $columns; at += $tile) {
                const int32_t column = ((at + $tile) <= $columns) ? at : ($columns - $tile);
                const $value *corner = window + (row * $row_step) + (column * $column_step) + o;
                $output *out = y + (((row * $columns) + column) * $outputs) + o;
$start
                for (int32_t i = 0; i < $kernel_height; i++) {
                    for (int32_t j = 0; j < $kernel_width; j++) {
                        const $value *in = corner + (i * $tap_row) + (j * $tap_column);
                        const $sums w0 = ${sums}_load(weights + (((i * $kernel_width) + j) * $outputs) + o);
$products
                    }
                }
$end
            }
        }
    }
}
"""


def depthwise_vectors(layer: Layer) -> Kernel | None:
    """The kernel, where a layer is a depthwise convolution without a pool, its channels a multiple of 4."""
    operator, x = layer.operator, layer.inputs[0]
    if not isinstance(operator, Convolution) or operator.pool > 1:
        return None
    rows, columns, outputs = layer.output.shape
    lanes = next((each for each in MOST_LANES if outputs % each == 0), None)
    if not operator.groups == x.shape[2] == outputs or lanes is None:
        return None
    sums = Arithmetic(x.quantization.zero if x.quantization else None, outputs, lanes, outputs)
    written = vector_writer(layer, sums)
    value = "int32_t" if x.quantization else "float"
    pads = padding(layer, rows, columns, value)
    tile = tile_size(columns, 1)
    names = {
        **written.names,
        "name": "${name}",
        "value": value,
        "input": x.type,
        "pad": pads.text,
        "scratch": ", uint8_t *scratch" if pads.needed else "",
        "rows": rows,
        "columns": columns,
        "tile": tile,
        "row_step": operator.stride[0] * pads.row_size,
        "column_step": operator.stride[1] * outputs,
        "kernel_height": operator.weights.shape[0],
        "kernel_width": operator.weights.shape[1],
        "tap_row": operator.dilation[0] * pads.row_size,
        "tap_column": operator.dilation[1] * outputs,
    }
    n = names["sums"]
    products = [
        f"s{t} = {n}_multiply_add(s{t}, {n}_load(in + ({t} * {names['column_step']})), w0);" for t in range(tile)
    ]
    text = fill(
        _CONVOLVE,
        **names,
        copy=fill(COPY if pads.needed else NO_COPY, value=value, name="${name}"),
        start=indent("\n".join(f"{n} s{t} = {n}_load(bias + o);" for t in range(tile)), 4),
        products=indent("\n".join(products), 6),
        end=indent("\n".join(written.write(f"s{t}", f"out + ({t} * {outputs})") for t in range(tile)), 4),
    )
    weights = operator.weights.reshape(-1, outputs).astype("int32" if x.quantization else "float32")
    return Kernel(
        "convolve_depthwise",
        text,
        (Constant("weights", weights), Constant("bias", operator.bias), *written.constants),
        scratch=pads.bytes(_VALUE_BYTES),
        helpers=sums.helpers,
    )
