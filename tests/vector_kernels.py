"""Layers side by side in one network, so that one call of the compiler builds many, and the ways to build them."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from generated_c import PIXEL, answer, compile_c
from mnistx_export.codegen.clamp import NONE, Clamp
from mnistx_export.codegen.kernels import choose_kernel
from mnistx_export.codegen.network import Layer, Network, Operator, Quantization, Tensor
from mnistx_export.codegen.operators.concatenate import Concatenate
from mnistx_export.codegen.operators.convolution import Convolution
from mnistx_export.codegen.operators.flatten import Flatten
from mnistx_export.codegen.operators.linear import Linear
from mnistx_export.codegen.operators.normalize import Interleave, Normalize
from mnistx_export.codegen.operators.quantize import Dequantize

TARGET = Quantization(0.3, 97)
EXACT = "-ffp-contract=off"

WAYS: dict[str, tuple[str, ...]] = {
    "widest": (EXACT, "-march=native", "-fsanitize=undefined", "-fno-sanitize-recover"),
    "narrow": (EXACT, "-O0"),
    "plain": (EXACT, "-O0", "-DBYTES_PLAIN_C", "-DREAL_PLAIN_C"),
}
"""Flags for the widest vectors of this processor, for those that any has, and for none."""


@dataclass(frozen=True)
class Shape:
    """A convolution to test.

    Args:
        outputs: channels.
        kernel: height, width.
        stride: rows, columns.
        pads: rows above and below, columns on the left and right.
        dilation: rows, columns.
        depthwise: whether each channel is summed by itself.
        clamp: see `Convolution`.
        pool: likewise.
        real: whether its sums of bytes are written as real numbers.
    """

    outputs: int
    kernel: tuple[int, int] = (3, 3)
    stride: tuple[int, int] = (1, 1)
    pads: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    depthwise: bool = False
    clamp: Clamp = NONE
    pool: int = 1
    real: bool = False

    def size(self, side: int, axis: int) -> int:
        """Of the output, of an input with `side` rows (axis 0) or columns (axis 1)."""
        reach = self.dilation[axis] * (self.kernel[axis] - 1) + 1
        return ((side + 2 * self.pads[axis] - reach) // self.stride[axis] + 1) // self.pool


def convolution(shape: Shape, channels: int, quantized: bool) -> Convolution:
    """With drawn weights."""
    random = np.random.default_rng(shape.outputs)
    size = (*shape.kernel, channels, 1 if shape.depthwise else shape.outputs)
    weights, bias, scale = drawn(random, size, shape.outputs, quantized)
    groups = channels if shape.depthwise else 1
    return Convolution(weights, bias, scale, shape.stride, shape.pads, shape.dilation, groups, shape.clamp, shape.pool)


def linear(outputs: int, inputs: int, quantized: bool) -> Linear:
    """With drawn weights."""
    weights, bias, scale = drawn(np.random.default_rng(outputs), (inputs, outputs), outputs, quantized)
    return Linear(weights, bias, scale, Clamp(0, 20))


def drawn(
    random: np.random.Generator, size: tuple[int, ...], outputs: int, quantized: bool
) -> tuple[NDArray[np.generic], NDArray[np.generic], NDArray[np.float32] | None]:
    """Weights, biases and scales."""
    if quantized:
        scale = random.uniform(0.01, 0.03, outputs).astype(np.float32)
        return random.integers(-64, 65, size).astype(np.int8), random.integers(-999, 999, outputs, np.int32), scale
    return random.normal(size=size).astype(np.float32), random.normal(size=outputs).astype(np.float32), None


def side_by_side(
    image: tuple[int, int, int], quantized: bool, operators: Mapping[str, tuple[Operator, tuple[int, ...], bool]]
) -> Network:
    """A network whose answer is that of all layers, one after the other.

    Args:
        image: `(channels, height, width)`.
        quantized: whether the layers read bytes.
        operators: and their outputs' shapes, and whether they write bytes.
    """
    channels, height, width = image
    pixels = Tensor("pixels", (height, width, channels), PIXEL if quantized else None)
    first = Interleave() if quantized else Normalize(*np.full((2, channels), 0.5, np.float32))
    source = Tensor("image", image, Quantization(1.0, 0))
    layers = [Layer("normalize", first, (source,), pixels)]
    rows = []
    for name, (operator, shape, as_bytes) in operators.items():
        found = Tensor(name, shape, TARGET if as_bytes else None)
        layers.append(Layer(name, operator, (pixels,), found))
        if as_bytes:
            layers.append(Layer(name, Dequantize(), (found,), Tensor(f"{name}_real", shape)))
        flat = Tensor(f"{name}_flat", (prod(shape),))
        layers.append(Layer(name, Flatten(), (layers[-1].output,), flat))
        rows.append(flat)
    layers.append(Layer("all", Concatenate(), tuple(rows), Tensor("all", (sum(row.size for row in rows),))))
    return Network(source, tuple(layers))


def convolutions(image: tuple[int, int, int], quantized: bool, shapes: Mapping[str, Shape]) -> Network:
    """Convolutions of an image, side by side."""
    operators: dict[str, tuple[Operator, tuple[int, ...], bool]] = {}
    for name, shape in shapes.items():
        output = (shape.size(image[1], 0), shape.size(image[2], 1), shape.outputs)
        operators[name] = convolution(shape, image[0], quantized), output, quantized and not shape.real
    return side_by_side(image, quantized, operators)


def kernels_of(network: Network) -> set[str]:
    """The names of the kernels that target speed has for the layers with weights."""
    return {
        choose_kernel(layer, "speed").name
        for layer in network.layers
        if isinstance(layer.operator, Convolution | Linear)
    }


def answers_of(real: Network, whole: Network, folder: Path) -> dict[str, list[NDArray[np.float32]]]:
    """The answers of a network in float32, and of one in bytes: portable, and for speed in each way to build."""
    random = np.random.default_rng(7)
    images = random.integers(0, 256, (2, *real.image.shape)).astype(np.uint8)
    images[1, :, : images.shape[2] // 2] = PIXEL.zero
    networks = {"real": real, "bytes": whole}
    found = {}
    for way, target, flags in [
        ("portable", "portable", (EXACT, "-O0")),
        *((way, "speed", each) for way, each in WAYS.items()),
    ]:
        place = folder / way.replace(" ", "-")
        place.mkdir()
        library = compile_c(networks, place, target, flags)
        found[way] = [answer(library, name, network, images) for name, network in networks.items()]
    return found
