from pathlib import Path
from typing import Any

import numpy as np
import pytest

from generated_c import PIXEL, answer, compile_c, hwc, normalized, rescaled, to_bytes
from mnistx_export.codegen.clamp import NONE, Clamp
from mnistx_export.codegen.network import Layer, Network, Quantization, Tensor
from mnistx_export.codegen.node import Node
from mnistx_export.codegen.operators.elementwise import Elementwise, read_add, read_mul
from mnistx_export.codegen.operators.normalize import Interleave, Normalize
from mnistx_export.codegen.operators.pool import Pool
from mnistx_export.codegen.operators.quantize import Dequantize
from mnistx_export.codegen.scales import fixed_point
from mnistx_runtime.errors import BadInput

IMAGES = np.random.default_rng(3).integers(0, 256, (3, 2, 4, 5)).astype(np.uint8)
MEAN = Quantization(0.02, 90)
RESULT = Quantization(0.09, 60)


def with_its_mean(operator: Elementwise, quantized: bool) -> Network:
    """Of the image and its mean a channel."""
    image = Tensor("image", (2, 4, 5), Quantization(1.0, 0))
    pixels = Tensor("pixels", (4, 5, 2), PIXEL if quantized else None)
    mean = Tensor("mean", (1, 1, 2), MEAN if quantized else None)
    both = Tensor("both", (4, 5, 2), RESULT if quantized else None)
    first = Interleave() if quantized else Normalize(np.full(2, 0.25, np.float32), np.full(2, 0.5, np.float32))
    layers = [
        Layer("first", first, (image,), pixels),
        Layer("mean", Pool(True, (4, 5), (4, 5), (0, 0)), (pixels,), mean),
        Layer("both", operator, (pixels, mean), both),
    ]
    if quantized:
        layers.append(Layer("real", Dequantize(), (both,), Tensor("real", both.shape)))
    return Network(image, tuple(layers))


def test_sums_and_products_of_real_numbers(tmp_path: Path) -> None:
    networks = {
        "sum": with_its_mean(Elementwise(False), quantized=False),
        "product": with_its_mean(Elementwise(True, Clamp(0)), quantized=False),
    }
    library = compile_c(networks, tmp_path)
    x = normalized(IMAGES)
    mean = x.mean((2, 3), keepdims=True)
    assert np.abs(answer(library, "sum", networks["sum"], IMAGES) - hwc(x + mean)).max() < 1e-6
    product = answer(library, "product", networks["product"], IMAGES)
    assert np.abs(product - hwc((x * mean).clip(0))).max() < 1e-6


@pytest.mark.parametrize("clamp", [NONE, Clamp(0, 6)])
def test_sums_and_products_of_bytes_are_exact(clamp: Clamp, tmp_path: Path) -> None:
    networks = {
        "sum": with_its_mean(Elementwise(False, clamp), quantized=True),
        "product": with_its_mean(Elementwise(True, clamp), quantized=True),
    }
    library = compile_c(networks, tmp_path)
    x = IMAGES.astype(np.int64)
    (multiplier,), shift = fixed_point([PIXEL.scale / MEAN.scale / 20])
    sums = x.sum((2, 3), keepdims=True) - 20 * PIXEL.zero
    mean = np.clip(rescaled(sums, multiplier, shift) + MEAN.zero, 0, 255) - MEAN.zero
    low, high = clamp.of_bytes(RESULT)
    (first, second), shift = fixed_point(np.array([PIXEL.scale, MEAN.scale]) / RESULT.scale, 22)
    together = rescaled((x - PIXEL.zero) * int(first) + mean * int(second), 1, shift)
    got = to_bytes(answer(library, "sum", networks["sum"], IMAGES), RESULT)
    assert np.array_equal(got, hwc(np.clip(together + RESULT.zero, low, high)))
    real = (x - PIXEL.zero) * PIXEL.scale + mean * MEAN.scale
    assert np.abs((got - RESULT.zero) * RESULT.scale - hwc(real)).min() < 0.05
    (multiplier,), shift = fixed_point([PIXEL.scale * MEAN.scale / RESULT.scale])
    product = rescaled((x - PIXEL.zero) * mean, multiplier, shift)
    got = to_bytes(answer(library, "product", networks["product"], IMAGES), RESULT)
    assert np.array_equal(got, hwc(np.clip(product + RESULT.zero, low, high)))


def test_constants_and_other_shapes_are_refused() -> None:
    x = Tensor("x", (4, 4, 2))
    with pytest.raises(BadInput, match=r"layer 'sum' .Add.: it takes a constant"):
        read_add(Node("sum", "Add", (x,), {}, {}, (), ()))
    product = read_mul(Node("gate", "Mul", (x, x), {}, {}, (), ()))
    assert product.product
    given: Any = (x, Tensor("y", (4, 1, 2)))
    with pytest.raises(BadInput, match="don't go together"):
        product.kernel(Layer("gate", product, given, x))
    given = (x, Tensor("y", (4, 4, 2), PIXEL))
    with pytest.raises(BadInput, match="quantized in part"):
        product.kernel(Layer("gate", product, given, x))
