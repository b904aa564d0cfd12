"""A node of an ONNX graph, as the operators read it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistx_export.codegen.network import Tensor
from mnistx_runtime.errors import BadInput


@dataclass(frozen=True, eq=False)
class Weights:
    """Constants of a layer.

    Args:
        values: float32, or whole numbers where they are quantized: int8 of weights, int32 of biases.
        scale: of one step, a number or one an output, float32; None of float32 values.
    """

    values: NDArray[Any]
    scale: NDArray[np.float32] | None = None


@dataclass(frozen=True, eq=False)
class Node:
    """One operation of the graph, its shapes known.

    Args:
        name: of what it was in the user's module.
        kind: ONNX' name of the operator.
        inputs: what other nodes wrote, in order.
        weights: constants among its inputs, by their place.
        attributes: ONNX' own.
        shape: of the output as in ONNX, without the batch: `(channels, height, width)` or `(numbers,)`.
        input_shapes: of `inputs`, likewise.
        first: of several outputs, which are channels of one tensor, the channels of those before this one.
    """

    name: str
    kind: str
    inputs: tuple[Tensor, ...]
    weights: Mapping[int, Weights]
    attributes: Mapping[str, Any]
    shape: tuple[int, ...]
    input_shapes: tuple[tuple[int, ...], ...]
    first: int = 0

    def refuse(self, why: str) -> BadInput:
        """The error for what can't be written."""
        return unsupported(self.name, self.kind, why)

    def pair(self, attribute: str, default: int = 1) -> tuple[int, int]:
        """A whole number for the height and one for the width."""
        first, *rest = self.attributes.get(attribute, (default, default))
        return int(first), int(rest[0] if rest else first)

    def pads(self) -> tuple[int, int, int, int]:
        """Rows above, columns on the left, rows below, columns on the right.

        Raises:
            BadInput: they aren't numbers.
        """
        if self.attributes.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID"):
            raise self.refuse("its padding isn't given in numbers")
        top, left, bottom, right = (int(each) for each in self.attributes.get("pads", (0, 0, 0, 0)))
        return top, left, bottom, right


def unsupported(name: str, kind: str, why: str) -> BadInput:
    """The error for a layer that can't be written in C."""
    return BadInput(f"format c can't carry layer {name!r} ({kind}): {why}")
