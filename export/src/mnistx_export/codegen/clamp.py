"""The bounds that an activation such as ReLU puts on what a layer computes; layers apply them as they write."""

from dataclasses import dataclass
from math import inf

from mnistx_export.codegen.network import Quantization
from mnistx_runtime.artifact.c_text import float_literal


@dataclass(frozen=True)
class Clamp:
    """Least and largest number; infinite where there's no bound.

    >>> Clamp(0, 6).of_float("sum")
    'minimum(maximum(sum, 0.0f), 6.0f)'
    """

    low: float = -inf
    high: float = inf

    def of_float(self, value: str) -> str:
        """A C expression of float, bounded."""
        if self.low > -inf:
            value = f"maximum({value}, {float_literal(self.low)})"
        return f"minimum({value}, {float_literal(self.high)})" if self.high < inf else value

    def of_bytes(self, quantization: Quantization) -> tuple[int, int]:
        """Least and largest byte.

        >>> Clamp(0, 6).of_bytes(Quantization(0.05, 10))
        (10, 130)
        """
        low, high = 0, 255
        if self.low > -inf:
            low = max(low, round(self.low / quantization.scale) + quantization.zero)
        if self.high < inf:
            high = min(high, round(self.high / quantization.scale) + quantization.zero)
        return low, high

    def within(self, other: "Clamp") -> "Clamp":
        """This one's bounds, then the other's."""
        return Clamp(max(self.low, other.low), min(self.high, other.high))


NONE = Clamp()
