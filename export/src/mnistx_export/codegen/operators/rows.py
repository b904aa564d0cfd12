"""Layers that run together, row by row: of what one writes and the next reads, only the rows at hand are kept.

Each convolution reads a ring of rows, padded, so that its sums need no bounds. Of int8 the ring holds `byte - zero` in
16 bits: padding is 0, and a processor that has the instruction for it (SMLAD of a Cortex-M4) takes two products at a
time. A fully connected layer at the end adds each row to its sums as it comes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mnistx_export.codegen.network import Constant, Kernel, Layer, Tensor
from mnistx_export.codegen.operators.linear import Linear
from mnistx_export.codegen.operators.normalize import Interleave
from mnistx_export.codegen.output import writer
from mnistx_export.codegen.row_stage import Stage, element, is_stage, schedule
from mnistx_runtime.artifact.c_text import TYPES, fill

_ALIGNMENT = 8  # bytes, of each part of the scratch

_READ = """
static void ${name}_read(const $input *x, int32_t row, $element *y)
{
    for (int32_t i = 0; i < $width; i++) {
        for (int32_t c = 0; c < $channels; c++) {
            y[(i * $channels) + c] = $value;
        }
    }
}
"""

_CONVOLVE = """
static void ${name}_convolve$at(
    const $element *ring, int32_t first, const $weight *weights, const $sum *bias, $parameters$output *y)
{
    const $element *rows[$window];
    for (int32_t i = 0; i < $window; i++) {
        rows[i] = ring + (((first + i) % $window) * $pitch);
    }
    for (int32_t column = 0; column < $columns; column++) {
        const $weight *w = weights;
        for (int32_t o = 0; o < $outputs; o++) {
$start
            for (int32_t i = 0; i < $kernel_height; i++) {
$pointers
                for (int32_t k = 0; k < $taps; k += $step) {
$products
                }
                w += $taps;
            }
$end
        }
        y += $advance;
    }
}
"""

_CONNECT = """
static void ${name}_connect(const $element *x, const $weight *weights, $sum *sum)
{
    for (int32_t k = 0; k < $inputs; k++) {
        const $sum value = x[k];
        if ($is_nonzero) {
            const $weight *row = weights + (k * $outputs);
            for (int32_t o = 0; o < $outputs; o++) {
                sum[o] += value * row[o];
            }
        }
    }
}
"""

_RUN = """
static void ${name}(const $input *x, $parameters$output *y, uint8_t *scratch)
{
$places
    int32_t next[$count] = {0};
    for (int32_t i = 0; i < $bytes; i++) {
        scratch[i] = 0;
    }
$before
    for (int32_t i = 0; i < $steps; i++) {
        const int32_t row = next[steps[i]];
        next[steps[i]]++;
        switch (steps[i]) {
$cases
        default:
            break;
        }
    }
$after
}
"""

_CASE = """
        case $at:
$lines
            break;
"""

_PADDED = """
            if ((row >= $top) && (row < $bottom)) {
                $line
            } else {
                for (int32_t k = 0; k < $pitch; k++) {
                    ring$at[((row % $window) * $pitch) + k] = 0;
                }
            }
"""

_BIAS = """
    for (int32_t o = 0; o < $outputs; o++) {
        sum[o] = bias[o];
    }
"""

_ANSWER = """
    for (int32_t o = 0; o < $outputs; o++) {
        y[o] = $written;
    }
"""

MULTIPLY_ADD = {
    "multiply_add": """
/* sum + x * w over four numbers; the weights lie in the order 0, 2, 1, 3. */
#if defined(__GNUC__) && defined(__ARM_FEATURE_DSP) && defined(__thumb2__) && !defined(__ARM_BIG_ENDIAN)
#include <string.h>

static inline int32_t multiply_add(int32_t sum, const int16_t *x, const int8_t *w)
{
    uint32_t four;
    uint32_t even;
    uint32_t odd;
    uint32_t first;
    uint32_t second;
    memcpy(&four, w, sizeof four);
    memcpy(&first, x, sizeof first);
    memcpy(&second, x + 2, sizeof second);
    __asm__("sxtb16 %0, %1" : "=r"(even) : "r"(four));
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(odd) : "r"(four));
    __asm__("smlad %0, %1, %2, %0" : "+r"(sum) : "r"(first), "r"(even));
    __asm__("smlad %0, %1, %2, %0" : "+r"(sum) : "r"(second), "r"(odd));
    return sum;
}
#else
static inline int32_t multiply_add(int32_t sum, const int16_t *x, const int8_t *w)
{
    return sum + (x[0] * w[0]) + (x[1] * w[2]) + (x[2] * w[1]) + (x[3] * w[3]);
}
#endif
"""
}
"""Four products: in two instructions where the processor has them, with the same bits elsewhere."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Layers in a row.

    Args:
        layers: convolutions (see `is_stage`), each of which reads what the one before it writes; perhaps Interleave
            before them, and a fully connected layer behind them.
    """

    layers: tuple[Layer, ...]

    def kernel(self, layer: Layer) -> Kernel:
        """See `Operator.kernel`."""
        planar = isinstance(self.layers[0].operator, Interleave)
        stages = [Stage(each) for each in self.layers if is_stage(each)]
        places = [_Place(stage.element, f"ring{at}", stage.bytes) for at, stage in enumerate(stages)]
        parts = [_read(layer.inputs[0], stages[0], planar)]
        last = self.layers[-1]
        connected = isinstance(last.operator, Linear)
        parts += [_convolve(at, stages, connected) for at in range(len(stages))]
        calls = [part.call for part in parts]
        before = after = ""
        if isinstance(last.operator, Linear):
            part, before, after = _connect(last, last.operator, stages[-1].layer.output)
            calls[-1] = f"{calls[-1]}\n            {part.call}"
            line = last.inputs[0].shape[1] * last.inputs[0].shape[2]
            places.append(_Place(element(last.inputs[0]), "line", line * (2 if last.inputs[0].quantization else 4)))
            places.append(_Place(_sum_type(last.inputs[0]), "sum", 4 * last.output.size))
            parts.append(part)
        steps = Constant("steps", schedule(stages))
        constants = [*(each for part in parts for each in part.constants), steps]
        text = fill(
            _RUN,
            name="${name}",
            input=layer.inputs[0].type,
            output=layer.output.type,
            parameters="".join(f"const {TYPES[each.values.dtype.name]} *{each.name}, " for each in constants),
            places="\n".join(_declarations(places)),
            count=len(calls),
            bytes=_bytes(places),
            before=before,
            steps=steps.values.size,
            cases="\n".join(_case(at, stages, call) for at, call in enumerate(calls)),
            after=after,
        )
        texts = [*(part.text for part in parts), "\n".join(line for line in text.splitlines() if line)]
        helpers = {name: helper for part in parts for name, helper in part.helpers.items()}
        return Kernel("rows", "\n\n".join(texts), tuple(constants), _bytes(places), helpers)


@dataclass(frozen=True, eq=False)
class _Part:
    """A layer's share of the code.

    Args:
        text: its function.
        call: of the function, for the layer's next row.
        constants: that the call takes, by the names of the whole's parameters.
        helpers: see `Kernel`.
    """

    text: str
    call: str
    constants: tuple[Constant, ...] = ()
    helpers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Place:
    """An array in the scratch: its type, its name, and its bytes."""

    type: str
    name: str
    bytes: int


def _read(source: Tensor, stage: Stage, planar: bool) -> _Part:
    """Brings a row of the input into the first ring; the planes of a picture lie one after the other (`planar`)."""
    height, width, channels = stage.source.shape
    place = f"(((c * {height}) + row) * {width}) + i" if planar else f"(((row * {width}) + i) * {channels}) + c"
    value = _from_zero(f"x[{place}]", stage.source)
    text = fill(
        _READ,
        name="${name}",
        input=source.type,
        element=stage.element,
        width=width,
        channels=channels,
        value=value,
    )
    row, target = _target(0, [stage], False)
    return _Part(text, f"${{name}}_read(x, {row}, {target});")


def _convolve(at: int, stages: Sequence[Stage], connected: bool) -> _Part:
    """Computes a row of a convolution, pooled."""
    stage, operator = stages[at], stages[at].operator
    x, y = stage.source, stage.layer.output
    inside = at + 1 < len(stages) or connected
    written = writer(stage.layer, operator.clamp, operator.scale, "")
    text = fill(
        _CONVOLVE,
        name="${name}",
        at=at,
        element=stage.element,
        weight="int8_t" if x.quantization else "float",
        sum=_sum_type(x),
        parameters=written.parameters,
        output=element(y) if inside else y.type,
        window=stage.window,
        pitch=stage.pitch,
        columns=y.shape[1] // stage.block,
        outputs=y.shape[2],
        kernel_height=len(operator.weights),
        taps=stage.taps,
        step=stage.step,
        advance=stage.block * y.shape[2],
        **_sums(stage, inside),
    )
    constants = (
        Constant(f"weights{at}", stage.weights),
        Constant(f"bias{at}", operator.bias),
        *(Constant(f"{each.name}{at}", each.values) for each in written.constants),
    )
    row, target = _target(at + 1, stages, connected)
    first = row if stage.stride == 1 else f"{row} * {stage.stride}"
    names = ", ".join(each.name for each in constants)
    helpers = {**written.helpers, **(MULTIPLY_ADD if x.quantization else {})}
    return _Part(text, f"${{name}}_convolve{at}(ring{at}, {first}, {names}, {target});", constants, helpers)


def _sums(stage: Stage, inside: bool) -> dict[str, str]:
    """The lines of the innermost loops: one sum for each place of the pooled square, or for each pixel of a block."""

    def value(sum: str) -> str:
        expression = writer(stage.layer, stage.operator.clamp, stage.operator.scale, sum).expression
        return _from_zero(expression, stage.layer.output) if inside else expression

    pool, (rows, columns), channels = stage.operator.pool, stage.operator.stride, stage.source.shape[2]
    across = pool * stage.block
    places = [(i, j) for i in range(pool) for j in range(across)]
    start = [f"{_sum_type(stage.source)} sum{at} = bias[o];" for at in range(len(places))]
    shift = f"(column * {across * columns * channels})"
    pointers = [f"const {stage.element} *x{i} = rows[i + {i * rows}] + {shift};" for i in range(pool)]
    product = "sum{at} = multiply_add(sum{at}, {x}, w + k);" if stage.step > 1 else "sum{at} += *({x}) * w[k];"
    products = [product.format(at=at, x=f"x{i} + k + {j * columns * channels}") for at, (i, j) in enumerate(places)]
    if pool > 1:
        end = [f"{_sum_type(stage.source)} best = sum0;"]
        end += [f"best = (sum{at} > best) ? sum{at} : best;" for at in range(1, len(places))]
        end += [f"y[o] = {value('best')};"]
    else:
        outputs = stage.layer.output.shape[2]
        end = [f"y[o + {at * outputs}] = {value(f'sum{at}')};" for at in range(len(places))]
    return {
        "start": _indented(3, start),
        "pointers": _indented(4, pointers),
        "products": _indented(5, products),
        "end": _indented(3, end),
    }


def _connect(layer: Layer, operator: Linear, plane: Tensor) -> tuple[_Part, str, str]:
    """Adds a row to the sums of a fully connected layer; what is done before the first row, and after the last."""
    x, outputs = layer.inputs[0], layer.output.size
    written = writer(layer, operator.clamp, operator.scale, "sum[o]")
    size = plane.shape[1] * plane.shape[2]
    text = fill(
        _CONNECT,
        name="${name}",
        element=element(x),
        weight="int8_t" if x.quantization else "float",
        sum=_sum_type(x),
        inputs=size,
        outputs=outputs,
        is_nonzero="value != 0" if x.quantization else "(value < 0.0f) || (value > 0.0f)",
    )
    constants = (Constant("weights", operator.weights), Constant("bias", operator.bias), *written.constants)
    before = fill(_BIAS, outputs=outputs)
    after = fill(_ANSWER, outputs=outputs, written=written.expression)
    call = f"${{name}}_connect(line, weights + (row * {size * outputs}), sum);"
    return _Part(text, call, constants, written.helpers), before, after


def _target(at: int, stages: Sequence[Stage], connected: bool) -> tuple[str, str]:
    """Which row a step takes, and where it goes: into a ring, into the line that is connected, or into the output."""
    if at < len(stages):
        stage = stages[at]
        top, left = stage.operator.pads
        place = f"ring{at} + ((row % {stage.window}) * {stage.pitch}) + {left * stage.source.shape[2]}"
        return f"(row - {top})" if top else "row", place
    y = stages[-1].layer.output
    return "row", "line" if connected else f"y + (row * {y.shape[1] * y.shape[2]})"


def _case(at: int, stages: Sequence[Stage], call: str) -> str:
    """A step; of a ring, rows beyond what it reads from are 0."""
    lines = f"            {call}"
    if at < len(stages):
        stage = stages[at]
        top, height = stage.operator.pads[0], stage.source.shape[0]
        needed = (stage.layer.output.shape[0] - 1) * stage.stride + stage.window
        if top or needed > height:
            values = {"top": top, "bottom": top + height, "pitch": stage.pitch, "window": stage.window}
            lines = fill(_PADDED, at=at, line=call, **values)
    return fill(_CASE, at=at, lines=lines)


def _declarations(places: Sequence[_Place]) -> list[str]:
    offsets = [_bytes(places[:at]) for at in range(len(places))]
    return [
        f"    {each.type} *const {each.name} = ({each.type} *)(void *)(scratch + {offset});"
        for each, offset in zip(places, offsets, strict=True)
    ]


def _bytes(places: Sequence[_Place]) -> int:
    return sum(-(-each.bytes // _ALIGNMENT) * _ALIGNMENT for each in places)


def _from_zero(value: str, tensor: Tensor) -> str:
    """A number as it stands in a row: of a byte, its distance from the byte that stands for 0."""
    zero = tensor.quantization.zero if tensor.quantization else 0
    return f"(int16_t)({value} - {zero})" if zero else value


def _sum_type(source: Tensor) -> str:
    return "int32_t" if source.quantization else "float"


def _indented(depth: int, lines: Sequence[str]) -> str:
    return "\n".join("    " * depth + line for line in lines)
