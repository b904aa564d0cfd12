"""Convolutions with vectors over the outputs: a few pixels at a time, their sums in registers."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod

from mnistx_export.codegen.kernels.arithmetic import arithmetic, indent
from mnistx_export.codegen.kernels.padding import padding
from mnistx_export.codegen.kernels.vector_output import VectorWriter, vector_writer
from mnistx_export.codegen.network import Constant, Kernel, Layer
from mnistx_export.codegen.operators.convolution import Convolution
from mnistx_runtime.artifact.c_text import fill

_MOST_POOL = 3
_SUMS = 10  # in registers: beside them, two weights and an input fit in 16

_CONVOLVE = """
$pad
static void $name(const $input *x, const $value *weights, const $sum *bias, $parameters$output *y$scratch)
{
$copy
    int32_t o = 0;
    for (; (o + (2 * $lanes)) <= $padded; o += 2 * $lanes) {
$two
    }
    for (; o < $padded; o += $lanes) {
$one
    }
}
"""

COPY = """
    $value *const window = ($value *)(void *)scratch;
    ${name}_pad(x, window);
"""

NO_COPY = """
    const $value *const window = x;
"""

_BLOCK = """
for (int32_t row = 0; row < $rows; row++) {
    for (int32_t at = 0; at < $columns; at += $tile) {
        const int32_t column = ((at + $tile) <= $columns) ? at : ($columns - $tile);
        const $value *corner = window + (row * $row_step) + (column * $column_step);
        const $value *w = weights + ($step * o);
        $output *out = y + (((row * $columns) + column) * $outputs) + o;
$start
        for (int32_t i = 0; i < $kernel_rows; i++) {
            for (int32_t j = 0; j < $kernel_columns; j++) {
                const $value *in = corner + (i * $tap_row) + (j * $tap_column);
                for (int32_t k = 0; k < $run_length; k += $step) {
$products
                    w += $step * $padded;
                }
            }
        }
$end
    }
}
"""


def direct_vectors(layer: Layer) -> Kernel | None:
    """The kernel, where a layer is a convolution that isn't grouped, its pool at most 3 wide."""
    operator = layer.operator
    if not isinstance(operator, Convolution) or operator.groups > 1 or operator.pool > _MOST_POOL:
        return None
    layer = _flat(layer, operator)
    sums = arithmetic(layer.inputs[0], layer.output.shape[2])
    written = vector_writer(layer, sums)
    rows, columns, _ = layer.output.shape
    pads = padding(layer, rows * operator.pool, columns * operator.pool, sums.value)
    kernel_height, kernel_width, channels, _ = operator.weights.shape
    dense = operator.dilation[1] == 1  # the taps of a row lie side by side
    runs = (kernel_height, kernel_width * channels) if dense else (kernel_height * kernel_width, channels)
    names = {
        **written.names,
        "name": "${name}",
        "input": layer.inputs[0].type,
        "pad": pads.text,
        "scratch": ", uint8_t *scratch" if pads.needed else "",
        "copy": fill(COPY if pads.needed else NO_COPY, **sums.names, name="${name}"),
        "rows": rows,
        "columns": columns,
        "row_step": operator.pool * operator.stride[0] * pads.row_size,
        "column_step": operator.pool * operator.stride[1] * channels,
        "kernel_rows": kernel_height,
        "kernel_columns": 1 if dense else kernel_width,
        "tap_row": operator.dilation[0] * pads.row_size,
        "tap_column": operator.dilation[1] * channels,
        "run_length": runs[1],
    }
    blocks = {}
    for name, vectors in (("two", 2), ("one", 1)):
        tile = tile_size(columns, vectors * operator.pool**2)
        places = [
            (i * operator.stride[0] * pads.row_size) + ((t * operator.pool + j) * operator.stride[1] * channels)
            for t in range(tile)
            for i in range(operator.pool)
            for j in range(operator.pool)
        ]
        blocks[name] = indent(_block(written, places, {**names, "tile": tile}, vectors), 2)
    return Kernel(
        "convolve_direct",
        fill(_CONVOLVE, **names, **blocks),
        (
            Constant("weights", sums.weights(operator.weights.reshape(*runs, -1))),
            Constant("bias", sums.per_output(operator.bias)),
            *written.constants,
        ),
        scratch=pads.bytes(sums.value_bytes),
        helpers=sums.helpers,
    )


def tile_size(count: int, sums: int) -> int:
    """How many pixels to take at a time: many, but so that few of the last ones are computed twice.

    Args:
        count: of all pixels.
        sums: vectors that each takes.

    >>> tile_size(28, 2), tile_size(14, 2), tile_size(49, 2), tile_size(49, 1), tile_size(2, 2), tile_size(9, 9)
    (4, 5, 5, 10, 2, 1)
    """
    return min(range(1, max(2, _SUMS // sums + 1)), key=lambda tile: -(-count // tile) * (tile + 1))


def _flat(layer: Layer, operator: Convolution) -> Layer:
    """A convolution of single pixels as one over a single row."""
    x, y = layer.inputs[0], layer.output
    single = operator.weights.shape[:2] == operator.stride == (1, 1) and operator.pads == (0, 0) and operator.pool == 1
    if not single or x.shape[:2] != y.shape[:2]:
        return layer
    x, y = (replace(each, shape=(1, prod(each.shape[:2]), each.shape[2])) for each in (x, y))
    return replace(layer, inputs=(x,), output=y)


def _block(written: VectorWriter, places: Sequence[int], names: Mapping[str, object], vectors: int) -> str:
    """The loops over the pixels, for some vectors of outputs."""
    sums = written.arithmetic
    square = len(places) // int(str(names["tile"]))
    start, end = [], []
    for v in range(vectors):
        bias = f"{names['sums']}_load(bias + o + ({v} * {names['lanes']}))"
        start += [f"{names['sums']} s{t}_{v} = {bias};" for t in range(len(places))]
    for t in range(0, len(places), square):
        for v in range(vectors):
            total = f"s{t}_{v}"
            for i in range(1, square):
                total = f"{names['sums']}_maximum({total}, s{t + i}_{v})"
            end.append(written.write(total, f"out + ({t // square} * {names['outputs']})", v))
    products = sums.products([f"k + {place}" for place in places], vectors)
    return fill(
        _BLOCK,
        **names,
        start=indent("\n".join(start), 2),
        products=indent(products, 5),
        end=indent("\n".join(end), 2),
    )
