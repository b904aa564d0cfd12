"""How kernels with vectors write what they have summed up; the vectors' way of `codegen.output`."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf

import numpy as np

from mnistx_export.codegen.clamp import Clamp
from mnistx_export.codegen.kernels.arithmetic import Arithmetic
from mnistx_export.codegen.network import Constant, Layer, as_float32
from mnistx_export.codegen.operators.convolution import Convolution
from mnistx_export.codegen.operators.linear import Linear
from mnistx_export.codegen.scales import fixed_point
from mnistx_runtime.artifact.c_text import fill, float_literal

_PART = """
{
    $output part[$lanes];
    $store(part, $written);
    for (int32_t l = 0; (l < $lanes) && ((o + $place + l) < $outputs); l++) {
        ($at + $place)[l] = part[l];
    }
}
"""


@dataclass(frozen=True, eq=False)
class VectorWriter:
    """The C that writes a vector of sums.

    Args:
        layer: see `vector_writer`.
        arithmetic: the sums'.
        expression: of what is stored, with `$sum` for the sums and `$o` for the first one's place.
        store: the function that stores it.
        parameters: see `Writer`.
        constants: see `Writer`.
    """

    layer: Layer
    arithmetic: Arithmetic
    expression: str
    store: str
    parameters: str = ""
    constants: tuple[Constant, ...] = ()

    @property
    def names(self) -> Mapping[str, object]:
        """What templates call its parts."""
        return self.arithmetic.names | {"parameters": self.parameters, "output": self.layer.output.type}

    def write(self, total: str, at: str, vector: int = 0) -> str:
        """The statement.

        Args:
            total: the expression of a vector of sums.
            at: where the outputs from `o` on go, an expression of a pointer.
            vector: which of the vectors from `o` on it is.
        """
        place = f"({vector} * LANES{self.arithmetic.lanes})"
        value = fill(self.expression, sum=total, o=f"o + {place}")
        if self.arithmetic.padded == self.arithmetic.outputs:
            return f"{self.store}({at} + {place}, {value});"
        return fill(_PART, **self.names, store=self.store, written=value, at=at, place=place)


def vector_writer(layer: Layer, arithmetic: Arithmetic) -> VectorWriter:
    """How a layer's sums are written.

    Args:
        layer: of a convolution, or fully connected.
        arithmetic: of its sums.
    """
    operator = layer.operator
    assert isinstance(operator, Convolution | Linear)
    n, x, y = arithmetic.lanes, layer.inputs[0].quantization, layer.output.quantization
    store = f"floats{n}_store"
    if x is None or operator.scale is None:
        return VectorWriter(layer, arithmetic, _bounded("$sum", operator.clamp, n), store)
    step = np.broadcast_to(operator.scale.astype(np.float64) * x.scale, (arithmetic.outputs,))
    if y is None:
        real = f"floats{n}_multiply(floats{n}_of_ints($sum), floats{n}_load(step + $o))"
        constant = Constant("step", arithmetic.per_output(as_float32(step)))
        return VectorWriter(
            layer, arithmetic, _bounded(real, operator.clamp, n), store, "const float *step, ", (constant,)
        )
    multipliers, shift = fixed_point(step / y.scale)
    low, high = operator.clamp.of_bytes(y)
    value = f"ints{n}_rescale($sum, ints{n}_load(multiplier + $o), {shift})"
    value = f"ints{n}_add({value}, ints{n}_splat({y.zero}))"
    value = f"ints{n}_minimum(ints{n}_maximum({value}, ints{n}_splat({low})), ints{n}_splat({high}))"
    constant = Constant("multiplier", arithmetic.per_output(multipliers))
    return VectorWriter(layer, arithmetic, value, f"ints{n}_store_uint8", "const int32_t *multiplier, ", (constant,))


def _bounded(value: str, clamp: Clamp, n: int) -> str:
    """As `Clamp.of_float`."""
    if clamp.low > -inf:
        value = f"floats{n}_maximum({value}, floats{n}_splat({float_literal(clamp.low)}))"
    return f"floats{n}_minimum({value}, floats{n}_splat({float_literal(clamp.high)}))" if clamp.high < inf else value
