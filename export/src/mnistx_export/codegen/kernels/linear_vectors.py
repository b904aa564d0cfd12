"""Fully connected layers with vectors over the outputs: the rows of inputs that aren't 0 are listed, then added."""

from collections.abc import Mapping

import numpy as np

from mnistx_export.codegen.kernels.arithmetic import Arithmetic, arithmetic, indent
from mnistx_export.codegen.kernels.padding import whole_bytes
from mnistx_export.codegen.kernels.vector_output import VectorWriter, vector_writer
from mnistx_export.codegen.network import Constant, Kernel, Layer
from mnistx_export.codegen.operators.linear import Linear
from mnistx_runtime.artifact.c_text import fill

_VECTORS = (8, 4, 2, 1)  # of outputs, whose sums are in registers
_PLACE_BYTES, _VALUE_BYTES = 4, 2

_CONNECT = """
static void $name(const $input *x, const $weight *weights, const $sum *bias, $parameters$output *y, uint8_t *scratch)
{
    int32_t *const places = (int32_t *)(void *)scratch;
    int32_t count = 0;
$list
    int32_t o = 0;
$blocks
}
"""

_LIST = """
    for (int32_t k = 0; k < $inputs; k++) {
        places[count] = k;
        count += ((x[k] < 0.0f) || (x[k] > 0.0f)) ? 1 : 0;
    }
"""

_LIST_PAIRS = """
    int16_t *const values = (int16_t *)(void *)(scratch + $places_bytes);
    for (int32_t k = 0; k < $inputs; k++) {
        places[count] = k;
        values[count] = (int16_t)(x[k] - $zero);
        count += (x[k] != $zero) ? 1 : 0;
    }
    places[count] = 0;
    values[count] = 0;
"""

_BLOCK = """
for (; (o + ($vectors * $lanes)) <= $padded; o += $vectors * $lanes) {
$start
    for (int32_t i = 0; i < count; i += $step) {
$products
    }
$end
}
"""


def linear_vectors(layer: Layer) -> Kernel | None:
    """The kernel, where a layer is fully connected."""
    operator, x = layer.operator, layer.inputs[0]
    if not isinstance(operator, Linear):
        return None
    sums = arithmetic(x, layer.output.size)
    written = vector_writer(layer, sums)
    places = whole_bytes((x.size + 1) * _PLACE_BYTES)
    names = {
        **written.names,
        "name": "${name}",
        "input": x.type,
        "weight": "int8_t" if x.quantization else "float",
        "inputs": x.size,
        "zero": sums.zero,
        "places_bytes": places,
    }
    text = fill(
        _CONNECT,
        **names,
        list=fill(_LIST_PAIRS if x.quantization else _LIST, **names),
        blocks="\n".join(
            indent(_block(sums, written, names, vectors), 1) for vectors in _VECTORS if vectors * 4 <= sums.padded
        ),
    )
    weights = np.ascontiguousarray(np.pad(operator.weights, ((0, 0), (0, sums.padded - sums.outputs))))
    return Kernel(
        "connect_rows",
        text,
        (Constant("weights", weights), Constant("bias", sums.per_output(operator.bias)), *written.constants),
        scratch=places + (whole_bytes((x.size + 1) * _VALUE_BYTES) if x.quantization else 0),
        helpers=sums.helpers,
    )


def _block(sums: Arithmetic, written: VectorWriter, names: Mapping[str, object], vectors: int) -> str:
    """The loop over the outputs, some vectors at a time."""
    type, lanes, n = names["sums"], names["lanes"], sums.lanes
    start = [f"{type} s0_{v} = {type}_load(bias + o + ({v} * {lanes}));" for v in range(vectors)]
    end = [written.write(f"s0_{v}", "y + o", v) for v in range(vectors)]
    if sums.zero is None:
        lines = [
            "const float *in = x + places[i];",
            f"const float *w = weights + (places[i] * {sums.padded}) + o;",
            sums.products(["0"], vectors),
        ]
    else:
        lines = [
            f"const int8_t *first = weights + (places[i] * {sums.padded}) + o;",
            f"const int8_t *second = weights + (places[i + 1] * {sums.padded}) + o;",
            f"const shorts{n} x0 = shorts{n}_splat_pair(values + i);",
        ]
        for v in range(vectors):
            at = f"ints{n}_of_int8", f"({v} * {lanes})"
            pair = f"shorts{n}_pair({at[0]}(first + {at[1]}), {at[0]}(second + {at[1]}))"
            lines.append(f"s0_{v} = {sums.multiply_add(f's0_{v}', 'x0', pair)};")
    return fill(
        _BLOCK,
        **names,
        vectors=vectors,
        start=indent("\n".join(start), 1),
        products=indent("\n".join(lines), 2),
        end=indent("\n".join(end), 1),
    )
