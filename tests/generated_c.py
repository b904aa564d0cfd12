"""Networks made by hand; their C is compiled, many in one call of the compiler, and answers."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from compile_c import CC as CC
from compile_c import WARNINGS as WARNINGS
from compile_c import answer as answer
from compile_c import compile_c as compile_c
from mnistx_export.codegen.network import Layer, Network, Operator, Quantization, Tensor
from mnistx_export.codegen.operators.normalize import Interleave, Normalize
from mnistx_export.codegen.operators.quantize import Dequantize

PIXEL = Quantization(0.05, 7)
"""How the image of `quantized_network` is read."""


def float_network(shape: tuple[int, int, int], *steps: tuple[Operator, tuple[int, ...]]) -> Network:
    """A chain behind the normalization of an image `(channels, height, width)`: operators and their outputs' shapes."""
    channels = np.zeros(shape[0], np.float32)
    return _chain(shape, None, Normalize(channels + np.float32(0.25), channels + np.float32(0.5)), steps, ())


def quantized_network(
    shape: tuple[int, int, int],
    *steps: tuple[Operator, tuple[int, ...]],
    quantizations: tuple[Quantization | None, ...],
) -> Network:
    """The same in bytes: the pixels are `PIXEL`, each step's output as it is said; bytes at the end become real."""
    return _chain(shape, PIXEL, Interleave(), steps, quantizations)


def _chain(
    shape: tuple[int, int, int],
    pixel: Quantization | None,
    first: Operator,
    steps: tuple[tuple[Operator, tuple[int, ...]], ...],
    quantizations: tuple[Quantization | None, ...],
) -> Network:
    image = Tensor("image", shape, Quantization(1.0, 0))
    last = Tensor("pixels", (*shape[1:], shape[0]), pixel)
    layers = [Layer("normalize", first, (image,), last)]
    for at, (operator, output) in enumerate(steps):
        found = Tensor(f"t{at}", output, quantizations[at] if quantizations else None)
        layers.append(Layer(f"layer {at}", operator, (last,), found))
        last = found
    if last.quantization:
        layers.append(Layer("real", Dequantize(), (last,), Tensor("real", last.shape)))
    return Network(image, tuple(layers))


def normalized(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """What `float_network` makes of images."""
    found: NDArray[np.float64] = (images / 255.0 - 0.25) / 0.5
    return found


def hwc(values: Any) -> NDArray[Any]:
    """`(N, channels, height, width)` as rows of numbers, as they lie in memory."""
    array = np.asarray(values)
    return array.transpose(0, 2, 3, 1).reshape(len(array), -1) if array.ndim == 4 else array


def to_bytes(values: NDArray[np.float32], quantization: Quantization) -> NDArray[np.int64]:
    """The bytes that real numbers were."""
    steps: NDArray[np.int64] = np.rint(values / quantization.scale).astype(np.int64)
    return steps + quantization.zero


def rescaled(sums: Any, multiplier: Any, shift: int) -> NDArray[np.int64]:
    """What the C function `rescale` gives, in whole numbers of any size."""
    whole = np.asarray(sums).astype(object) * np.asarray(multiplier).astype(object) + (1 << (shift - 1))
    return np.asarray(whole >> shift).astype(np.int64)
