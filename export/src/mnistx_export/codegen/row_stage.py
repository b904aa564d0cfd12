"""A convolution as a stage of layers that run together, row by row: what it reads, and when."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistx_export.codegen.network import Layer, Tensor
from mnistx_export.codegen.operators.convolution import Convolution

_BLOCKS = (4, 2, 1)  # pixels side by side, whose sums share what is loaded of the weights


def is_stage(layer: Layer) -> bool:
    """Whether a layer is a convolution that can be one: dense, without dilation."""
    operator = layer.operator
    if not isinstance(operator, Convolution) or operator.groups > 1 or operator.dilation != (1, 1):
        return False
    return (operator.scale is None) == (layer.inputs[0].quantization is None)


@dataclass(frozen=True)
class Stage:
    """A convolution and the ring that it reads: as many rows as its window takes, padded.

    Args:
        layer: of the convolution.
    """

    layer: Layer

    @cached_property
    def operator(self) -> Convolution:
        """The convolution."""
        assert isinstance(self.layer.operator, Convolution)
        return self.layer.operator

    @property
    def source(self) -> Tensor:
        """What it reads."""
        return self.layer.inputs[0]

    @property
    def element(self) -> str:
        """The type of a number in the ring: of bytes `byte - zero`, in 16 bits."""
        return element(self.source)

    @property
    def bytes(self) -> int:
        """Of the ring."""
        return self.window * self.pitch * (2 if self.source.quantization else 4)

    @property
    def stride(self) -> int:
        """Rows between the windows of one row of the output and the next, pooling counted."""
        return self.operator.pool * self.operator.stride[0]

    @property
    def window(self) -> int:
        """Rows that a row of the output reads: as many as the ring holds."""
        return (self.operator.pool - 1) * self.operator.stride[0] + len(self.operator.weights)

    @property
    def step(self) -> int:
        """Products at a time."""
        return 4 if self.source.quantization else 1

    @property
    def taps(self) -> int:
        """Weights of an output in one row of its window, filled up to whole steps."""
        count = int(self.operator.weights.shape[1]) * self.source.shape[2]
        return -(-count // self.step) * self.step

    @property
    def pitch(self) -> int:
        """Numbers in a row of the ring: padding, and what the last sum reads."""
        columns, channels = self.layer.output.shape[1], self.source.shape[2]
        last = (columns * self.operator.pool - 1) * self.operator.stride[1] * channels + self.taps
        size = max((self.operator.pads[1] + self.source.shape[1]) * channels, last)
        return size + size % 2

    @property
    def block(self) -> int:
        """Pixels of the output that are computed side by side."""
        columns = self.layer.output.shape[1]
        return 1 if self.operator.pool > 1 else next(count for count in _BLOCKS if columns % count == 0)

    @property
    def weights(self) -> NDArray[Any]:
        """Rows of taps, `(outputs, kernel height, taps)`; of int8 each four in the order 0, 2, 1, 3."""
        height, width, channels, outputs = self.operator.weights.shape
        padded = np.zeros((outputs, height, self.taps), self.operator.weights.dtype)
        padded[:, :, : width * channels] = self.operator.weights.reshape(height, -1, outputs).transpose(2, 0, 1)
        if self.step == 1:
            return padded
        return np.ascontiguousarray(padded.reshape(outputs, height, -1, 4)[..., [0, 2, 1, 3]])


def element(tensor: Tensor) -> str:
    """The type of a tensor's numbers in a row."""
    return "int16_t" if tensor.quantization else "float"


def schedule(stages: Sequence[Stage]) -> NDArray[np.uint8]:
    """Which stage takes its next row, step by step: 0 reads a row of the input, n is the n-th convolution.

    Each row is computed when one behind it needs it, so that a ring never holds more than its window.
    """
    done = [0] * (len(stages) + 1)

    def steps(at: int, count: int) -> Iterator[int]:
        """What it takes until a stage has taken so many rows; those of padding count, and read nothing."""
        while done[at] < count:
            row = done[at] - (stages[at].operator.pads[0] if at < len(stages) else 0)
            if at > 0 and 0 <= row < stages[at - 1].layer.output.shape[0]:
                yield from steps(at - 1, row * stages[at - 1].stride + stages[at - 1].window)
            done[at] += 1
            yield at

    return np.array(list(steps(len(stages), stages[-1].layer.output.shape[0])), np.uint8)
