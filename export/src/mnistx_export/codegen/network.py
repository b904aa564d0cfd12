"""What is generated from: layers in the order in which they run, between tensors of fixed shapes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Quantization:
    """What the bytes of a tensor stand for: `scale * (byte - zero)`.

    Args:
        scale: of one step, above 0.
        zero: the byte that stands for 0, 0..255.
    """

    scale: float
    zero: int


@dataclass(frozen=True)
class Tensor:
    """What one layer writes and others read.

    Args:
        name: unique in its network, an identifier of C.
        shape: `(height, width, channels)` as it lies in memory, or `(numbers,)`.
        quantization: None of float32.
    """

    name: str
    shape: tuple[int, ...]
    quantization: Quantization | None = None

    @property
    def size(self) -> int:
        """How many numbers it holds."""
        return prod(self.shape)

    @property
    def type(self) -> str:
        """Of each number, in C."""
        return "uint8_t" if self.quantization else "float"

    @property
    def bytes(self) -> int:
        """What it takes in memory."""
        return self.size * (1 if self.quantization else 4)


@dataclass(frozen=True, eq=False)
class Constant:
    """An array that stays in flash.

    Args:
        name: unique in its network, an identifier of C.
        values: of float32, or of whole numbers.
    """

    name: str
    values: NDArray[Any]


@dataclass(frozen=True, eq=False)
class Kernel:
    """The C of a layer.

    Args:
        name: of its function. Layers of the same name share the function, so it names all that its text depends on.
        text: of the function; "" where there's nothing to do, as its output is its input.
        constants: its arguments between those of the inputs and the output.
        scratch: bytes of workspace that it needs while it runs; if any, its last argument.
        helpers: functions and macros that it calls, by name.
    """

    name: str
    text: str
    constants: tuple[Constant, ...] = ()
    scratch: int = 0
    helpers: Mapping[str, str] = field(default_factory=dict)


class Operator(Protocol):
    """What a layer computes: one frozen dataclass a kind, in a file of its own."""

    def kernel(self, layer: "Layer") -> Kernel:
        """Its plain C.

        Args:
            layer: what it is the operator of.

        Raises:
            BadInput: it can't be written for such inputs.
        """


@dataclass(frozen=True, eq=False)
class Layer:
    """One step.

    Args:
        name: of what it was in the user's module, for messages and comments.
        operator: what it computes.
        inputs: what it reads.
        output: what it writes.
    """

    name: str
    operator: Operator
    inputs: tuple[Tensor, ...]
    output: Tensor


@dataclass(frozen=True, eq=False)
class Network:
    """All of it.

    Args:
        image: the input, uint8; its shape is `(channels, height, width)`, as in every artifact.
        layers: in an order in which they can run; the last one's output is the answer.
    """

    image: Tensor
    layers: tuple[Layer, ...]

    def readers(self, tensor: Tensor) -> list[Layer]:
        """The layers that read a tensor."""
        return [layer for layer in self.layers if any(each.name == tensor.name for each in layer.inputs)]


def as_float32(values: Any) -> NDArray[np.float32]:
    """Numbers of any kind as float32, contiguous."""
    return np.ascontiguousarray(values, np.float32)
