"""3x3 convolutions by Winograd's F(2x2, 3x3): 16 products for the 36 of four neighbours; of bytes it is exact.

After Lavin and Gray, "Fast algorithms for convolutional neural networks", 2015. A tile of 2x2 outputs takes 4x4 inputs
d; with weights g, its sums are A'[(G g G') * (B' d B)]A, the products in each of 16 positions summed over the channels.
Of bytes G is doubled, so that its numbers are whole, and sums are four times too large, and divided at the end.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from mnistx_export.codegen.kernels.arithmetic import Arithmetic, arithmetic, indent
from mnistx_export.codegen.kernels.direct_vectors import COPY, NO_COPY, tile_size
from mnistx_export.codegen.kernels.padding import padding, whole_bytes
from mnistx_export.codegen.kernels.vector_output import VectorWriter, vector_writer
from mnistx_export.codegen.kernels.vectors import vectors
from mnistx_export.codegen.network import Constant, Kernel, Layer, as_float32
from mnistx_export.codegen.operators.convolution import Convolution
from mnistx_runtime.artifact.c_text import fill

POSITIONS = 16
_SUM_BYTES = 4
G = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])
_CHUNK_BYTES = 1 << 16  # of transformed inputs and sums, which stay in a second-level cache beside the weights
_LEAST_CHANNELS = 8
_LEAST_TILES = 4

_CONVOLVE = """
$pad
/* B' d B of a tile, for each channel. */
static void ${name}_transform(const $value *window, $value *y)
{
    for (int32_t c = 0; c < $channels; c += $input_lanes) {
$transform
    }
}

/* A' m A of a tile, and what is written of it. */
static void ${name}_finish(const $sum *sums, const $sum *bias, $parameters$output *y$inside)
{
    for (int32_t o = 0; o < $padded; o += $lanes) {
$finish
    }
}

static void $name(const $input *x, const $value *weights, const $sum *bias, $parameters$output *y, uint8_t *scratch)
{
$window
    $value *const inputs = ($value *)(void *)(scratch + $inputs_at);
    $sum *const sums = ($sum *)(void *)(scratch + $sums_at);
    for (int32_t first = 0; first < $tiles; first += $chunk) {
        for (int32_t t = 0; t < $chunk; t++) {
            const int32_t tile = ((first + t) < $tiles) ? (first + t) : ($tiles - 1);
            const int32_t row = tile / $tile_columns;
            const int32_t column = tile % $tile_columns;
            ${name}_transform(window + (row * $tile_row) + (column * $tile_column), inputs + (t * $channels));
        }
        const int32_t count = ((first + $chunk) < $tiles) ? $chunk : ($tiles - first);
        for (int32_t p = 0; p < $positions; p++) {
            int32_t o = 0;
            for (; (o + (2 * $lanes)) <= $padded; o += 2 * $lanes) {
$two
            }
            for (; o < $padded; o += $lanes) {
$one
            }
        }
        for (int32_t t = 0; t < count; t++) {
            const int32_t row = (first + t) / $tile_columns;
            const int32_t column = (first + t) % $tile_columns;
$call
        }
    }
}
"""

_BLOCK = """
for (int32_t t = 0; t < count; t += $tile) {
    const $value *in = inputs + (((p * $chunk) + t) * $channels);
    const $value *w = weights + (p * $position_weights) + ($step * o);
$start
    for (int32_t k = 0; k < $channels; k += $step) {
$products
        w += $step * $padded;
    }
    $sum *to = sums + (((p * $chunk) + t) * $padded) + o;
$end
}
"""

_CALL_POOLED = """
${name}_finish(sums + (t * $padded), bias, $arguments
               y + (((row * $tile_columns) + column) * $outputs));
"""

_CALL = """
${name}_finish(sums + (t * $padded), bias, $arguments
               y + (((2 * row * $columns) + (2 * column)) * $outputs), ((2 * row) + 1) < $rows,
               ((2 * column) + 1) < $columns);
"""


def winograd(layer: Layer) -> Kernel | None:
    """The kernel, where a layer is such a convolution with channels enough, and its sums fit in 32 bits."""
    operator = layer.operator
    if not isinstance(operator, Convolution) or not _fits(operator, layer):
        return None
    x, y = layer.inputs[0], layer.output
    sums = arithmetic(x, y.shape[2])
    weights = transform_weights(operator.weights, sums.zero is not None)
    if sums.zero is not None and not is_exact(weights, sums.zero):
        return None
    written = vector_writer(layer, sums)
    rows, columns, _ = y.shape
    pooled = operator.pool == 2
    tile_rows, tile_columns = (rows, columns) if pooled else (-(-rows // 2), -(-columns // 2))
    pads = padding(layer, 2 * tile_rows, 2 * tile_columns, sums.value)
    channels = x.shape[2]
    tiles = tile_rows * tile_columns
    tile = tile_size(tiles, 2)
    tile_bytes = POSITIONS * (channels * sums.value_bytes + sums.padded * _SUM_BYTES)
    chunk = 2 * tile * max(1, min(-(-tiles // (2 * tile)), _CHUNK_BYTES // tile_bytes // (2 * tile)))
    inputs_at = pads.bytes(sums.value_bytes)
    sums_at = inputs_at + whole_bytes(POSITIONS * chunk * channels * sums.value_bytes)
    names = {
        **written.names,
        "name": "${name}",
        "pad": pads.text,
        "input": x.type,
        "channels": channels,
        "inside": "" if pooled else ", int below, int right",
        "window": fill(COPY if pads.needed else NO_COPY, **sums.names, name="${name}"),
        "inputs_at": inputs_at,
        "sums_at": sums_at,
        "tiles": tiles,
        "chunk": chunk,
        "rows": rows,
        "columns": columns,
        "tile_columns": tile_columns,
        "tile_row": 2 * pads.row_size,
        "tile_column": 2 * channels,
        "row_size": pads.row_size,
        "positions": POSITIONS,
        "position_weights": channels * sums.padded,
        "arguments": "".join(f"{each.name}, " for each in written.constants),
    }
    half = 1 if sums.zero is None else 2
    lanes = next(each for each in (16, 8, 4) if channels % (each * half) == 0)
    numbers = f"{'floats' if half == 1 else 'shorts'}{lanes}"
    text = fill(
        _CONVOLVE,
        **names,
        input_lanes=f"({half} * LANES{lanes})",
        transform=indent(_transform(numbers, names), 2),
        finish=indent(_finish(sums, written, names), 2),
        two=indent(_block(sums, {**names, "tile": tile}, 2), 4),
        one=indent(_block(sums, {**names, "tile": 2 * tile}, 1), 4),
        call=indent(fill(_CALL_POOLED if pooled else _CALL, **names), 3),
    )
    constants = Constant("weights", sums.weights(weights)), Constant("bias", sums.per_output(operator.bias))
    return Kernel(
        "convolve_winograd",
        text,
        (*constants, *written.constants),
        scratch=sums_at + whole_bytes(POSITIONS * chunk * sums.padded * _SUM_BYTES),
        helpers={**sums.helpers, **vectors(lanes)},
    )


def transform_weights(weights: NDArray[np.generic], whole: bool) -> NDArray[np.generic]:
    """G g G' of each channel and output; with G doubled, and so in whole numbers, where they are whole.

    Args:
        weights: `(3, 3, channels, outputs)`.
        whole: whether they are int8.

    Returns:
        `(16, channels, outputs)`, float32 or int64.
    """
    g = (2 * G).astype(np.int64) if whole else G
    found = np.einsum("pi,ijco,qj->pqco", g, weights.astype(g.dtype), g).reshape(POSITIONS, *weights.shape[2:])
    return found if whole else as_float32(found)


def is_exact(weights: NDArray[np.generic], zero: int) -> bool:
    """Whether transformed weights fit in 16 bits, and the four-fold sums of any image in 32, with a bias beside them.

    Args:
        weights: see `transform_weights`.
        zero: of the input.
    """
    largest_input = 4 * max(zero, 255 - zero)
    largest_sum = np.abs(weights).sum(1).max() * largest_input * 9  # a sum's nine positions
    return bool(np.abs(weights).max() < 1 << 15 and largest_sum < 1 << 30)


def _fits(operator: Convolution, layer: Layer) -> bool:
    channels = layer.inputs[0].shape[2]
    plain = operator.stride == operator.dilation == (1, 1) and operator.groups == 1
    tiles = -(-layer.output.shape[0] * operator.pool // 2) * -(-layer.output.shape[1] * operator.pool // 2)
    return (
        operator.weights.shape[:2] == (3, 3)
        and plain
        and operator.pool <= 2
        and channels >= _LEAST_CHANNELS
        and channels % _LEAST_CHANNELS == 0
        and tiles >= _LEAST_TILES
    )


def _transform(numbers: str, names: Mapping[str, object]) -> str:
    """B' d B, of a vector of channels."""
    lines = []
    for j in range(4):
        for i in range(4):
            at = f"window + ({i} * {names['row_size']}) + ({j} * {names['channels']}) + c"
            lines.append(f"const {numbers} d{i}{j} = {numbers}_load({at});")
        lines += _b(numbers, [f"d{i}{j}" for i in range(4)], [f"t{i}{j}" for i in range(4)])
    for i in range(4):
        lines += _b(numbers, [f"t{i}{j}" for j in range(4)], [f"v{i}{j}" for j in range(4)])
    step = f"{names['chunk']} * {names['channels']}"
    lines += [f"{numbers}_store(y + ({4 * i + j} * {step}) + c, v{i}{j});" for i in range(4) for j in range(4)]
    return "\n".join(lines)


def _b(numbers: str, x: list[str], y: list[str]) -> list[str]:
    """B' times four numbers."""
    ways = [("subtract", 0, 2), ("add", 1, 2), ("subtract", 2, 1), ("subtract", 1, 3)]
    return [
        f"const {numbers} {name} = {numbers}_{way}({x[a]}, {x[b]});" for name, (way, a, b) in zip(y, ways, strict=True)
    ]


def _finish(sums: Arithmetic, written: VectorWriter, names: Mapping[str, object]) -> str:
    """A' m A of a vector of outputs, bounded, pooled, written."""
    n = names["sums"]
    step = f"{names['chunk']} * {names['padded']}"
    lines = [f"const {n} bias0 = {n}_load(bias + o);"]
    for j in range(4):
        for i in range(4):
            lines.append(f"const {n} m{i}{j} = {n}_load(sums + ({4 * i + j} * {step}) + o);")
        lines += _a(str(n), [f"m{i}{j}" for i in range(4)], [f"a{i}{j}" for i in range(2)])
    for i in range(2):
        lines += _a(str(n), [f"a{i}{j}" for j in range(4)], [f"y{i}{j}" for j in range(2)])

    def real(total: str) -> str:
        return f"{n}_add({total if sums.zero is None else f'{n}_quarter({total})'}, bias0)"

    if not names["inside"]:
        largest = f"{n}_maximum({n}_maximum(y00, y01), {n}_maximum(y10, y11))"
        return "\n".join([*lines, written.write(real(largest), "y + o")])
    row = f"({names['columns']} * {names['outputs']})"
    lines.append(written.write(real("y00"), "y + o"))
    for condition, total, at in (
        ("right", "y01", f"y + {names['outputs']} + o"),
        ("below", "y10", f"y + {row} + o"),
        ("below && right", "y11", f"y + {row} + {names['outputs']} + o"),
    ):
        lines += [f"if ({condition}) {{", indent(written.write(real(total), at), 1), "}"]
    return "\n".join(lines)


def _a(n: str, x: list[str], y: list[str]) -> list[str]:
    """A' times four numbers."""
    return [
        f"const {n} {y[0]} = {n}_add({n}_add({x[0]}, {x[1]}), {x[2]});",
        f"const {n} {y[1]} = {n}_subtract({n}_subtract({x[1]}, {x[2]}), {x[3]});",
    ]


def _block(sums: Arithmetic, names: Mapping[str, object], vectors: int) -> str:
    """The products in a position, for some vectors of outputs and some tiles at a time."""
    n, tiles = names["sums"], range(int(str(names["tile"])))
    each = [(t, v) for t in tiles for v in range(vectors)]
    stores = [f"{n}_store(to + ({t} * {names['padded']}) + ({v} * {names['lanes']}), s{t}_{v});" for t, v in each]
    return fill(
        _BLOCK,
        **names,
        start=indent("\n".join(f"{n} s{t}_{v} = {n}_splat(0);" for t, v in each), 1),
        products=indent(sums.products([f"k + ({t} * {names['channels']})" for t in tiles], vectors), 2),
        end=indent("\n".join(stores), 1),
    )
