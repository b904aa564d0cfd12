"""What kernels with vectors multiply: float32 by float32, or pairs of 16-bit numbers whose products are summed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistx_export.codegen.kernels.vectors import lanes_for, vectors
from mnistx_export.codegen.network import Tensor, as_float32

FLOAT_BYTES, SHORT_BYTES = 4, 2


@dataclass(frozen=True)
class Arithmetic:
    """Types and functions of C for sums over a layer's inputs, outputs side by side in the lanes.

    Args:
        zero: the byte that stands for 0 in the input; None of float32.
        outputs: how many.
        lanes: the most of a vector.
        padded: the outputs' number, up to whole vectors.
    """

    zero: int | None
    outputs: int
    lanes: int
    padded: int

    @property
    def helpers(self) -> Mapping[str, str]:
        """See `Kernel`."""
        return vectors(self.lanes)

    @property
    def step(self) -> int:
        """Inputs that one multiplication takes."""
        return 1 if self.zero is None else 2

    @property
    def value(self) -> str:
        """The type of an input as it is multiplied."""
        return "float" if self.zero is None else "int16_t"

    @property
    def value_bytes(self) -> int:
        """Of an input as it is multiplied."""
        return FLOAT_BYTES if self.zero is None else SHORT_BYTES

    @property
    def names(self) -> dict[str, object]:
        """What templates call them."""
        n = self.lanes
        common = {
            "value": self.value,
            "lanes": f"LANES{n}",
            "n": n,
            "step": self.step,
            "padded": self.padded,
            "outputs": self.outputs,
        }
        if self.zero is None:
            types = {"sum": "float", "sums": f"floats{n}", "factors": f"floats{n}"}
        else:
            types = {"sum": "int32_t", "sums": f"ints{n}", "factors": f"shorts{n}"}
        return common | types

    def splat(self, array: str, at: str) -> str:
        """An input, or a pair of them, in all lanes."""
        if self.zero is None:
            return f"floats{self.lanes}_splat({array}[{at}])"
        return f"shorts{self.lanes}_splat_pair({array} + {at})"

    def multiply_add(self, total: str, a: str, b: str) -> str:
        """A sum and a product."""
        if self.zero is None:
            return f"floats{self.lanes}_multiply_add({total}, {a}, {b})"
        return f"ints{self.lanes}_multiply_add_pairs({total}, {a}, {b})"

    def weights(self, values: NDArray[Any]) -> NDArray[Any]:
        """Weights as they are read.

        Args:
            values: `(..., inputs, outputs)`.

        Returns:
            float32 `(..., inputs, padded)`, or int16 `(..., pairs, padded, 2)`.
        """
        *rest, inputs, outputs = values.shape
        pads = [(0, 0)] * len(rest) + [(0, -inputs % self.step), (0, self.padded - outputs)]
        whole = np.pad(values, pads)
        if self.zero is None:
            return as_float32(whole)
        pairs = whole.reshape(*rest, -1, 2, self.padded)
        return np.ascontiguousarray(np.swapaxes(pairs, -1, -2), np.int16)

    def per_output(self, values: NDArray[Any]) -> NDArray[Any]:
        """Numbers of the outputs, zeros behind them."""
        return np.ascontiguousarray(np.pad(values, (0, self.padded - self.outputs)))

    def products(self, rows: Sequence[str], vectors: int) -> str:
        """The lines that add to sums `s0_0`, `s0_1`, `s1_0`, ...: an input of each row times `vectors` of outputs.

        Args:
            rows: where the rows' inputs lie, from `in`.
            vectors: of outputs; their weights begin at `w`.
        """
        factors, lanes = self.names["factors"], self.names["lanes"]
        lines = [f"const {factors} w{v} = {factors}_load(w + ({v * self.step} * {lanes}));" for v in range(vectors)]
        for t, row in enumerate(rows):
            lines.append(f"const {factors} x{t} = {self.splat('in', row)};")
            for v in range(vectors):
                lines.append(f"s{t}_{v} = {self.multiply_add(f's{t}_{v}', f'x{t}', f'w{v}')};")
        return "\n".join(lines)


def arithmetic(x: Tensor, outputs: int) -> Arithmetic:
    """How a layer's sums are computed.

    Args:
        x: its input.
        outputs: channels of its output.
    """
    return Arithmetic(x.quantization.zero if x.quantization else None, outputs, *lanes_for(outputs))


def indent(text: str, depth: int) -> str:
    """Lines, each `depth` levels further in."""
    return "\n".join(f"{'    ' * depth}{line}" if line else line for line in text.split("\n"))
