"""How a layer writes what it has summed up: bounded, and of bytes rounded to their scale."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistx_export.codegen.clamp import Clamp
from mnistx_export.codegen.helpers import CLAMP_FLOAT, REQUANTIZE
from mnistx_export.codegen.network import Constant, Layer, as_float32
from mnistx_export.codegen.scales import fixed_point


@dataclass(frozen=True, eq=False)
class Writer:
    """The C that makes an output of a sum.

    Args:
        expression: of the output's type; `o` is the output's place.
        parameters: that the function takes for it, each followed by a comma.
        constants: for those parameters.
        helpers: see `Kernel`.
    """

    expression: str
    parameters: str = ""
    constants: tuple[Constant, ...] = ()
    helpers: Mapping[str, str] = field(default_factory=dict)


def writer(layer: Layer, clamp: Clamp, scale: NDArray[np.float32] | None, value: str) -> Writer:
    """How a layer's sums are written.

    Args:
        layer: its first input and its output say what of.
        clamp: bounds of what is written.
        scale: of a weight's step, one an output; None of float32.
        value: the expression of the sum, int32 where the weights are quantized.
    """
    x, y = layer.inputs[0].quantization, layer.output.quantization
    if x is None or scale is None:
        return Writer(clamp.of_float(value), helpers=CLAMP_FLOAT)
    outputs = layer.output.shape[-1]
    step: NDArray[Any] = np.broadcast_to(scale.astype(np.float64) * x.scale, (outputs,))
    if y is None:
        real = clamp.of_float(f"(float){value} * step[o]")
        return Writer(real, "const float *step, ", (Constant("step", as_float32(step)),), CLAMP_FLOAT)
    multipliers, shift = fixed_point(step / y.scale)
    low, high = clamp.of_bytes(y)
    return Writer(
        f"to_byte(rescale({value}, multiplier[o], {shift}) + {y.zero}, {low}, {high})",
        "const int32_t *multiplier, ",
        (Constant("multiplier", multipliers),),
        REQUANTIZE,
    )
