import numpy as np

from generated_c import PIXEL
from mnistx_export.codegen.clamp import NONE, Clamp
from mnistx_export.codegen.network import Layer, Quantization, Tensor
from mnistx_export.codegen.operators.flatten import Flatten
from mnistx_export.codegen.output import writer

SCALE = np.array([0.5, 0.25], np.float32)


def layer(x: Quantization | None, y: Quantization | None) -> Layer:
    return Layer("l", Flatten(), (Tensor("x", (2,), x),), Tensor("y", (2,), y))


def test_real_sums_are_bounded() -> None:
    found = writer(layer(None, None), Clamp(0), None, "sum[o]")
    assert found.expression == "maximum(sum[o], 0.0f)"
    assert found.constants == ()


def test_whole_sums_become_real_by_their_step() -> None:
    found = writer(layer(PIXEL, None), NONE, SCALE, "sum[o]")
    assert found.expression == "(float)sum[o] * step[o]"
    assert np.allclose(found.constants[0].values, SCALE * PIXEL.scale)


def test_whole_sums_become_bytes_by_a_multiplier_an_output() -> None:
    found = writer(layer(PIXEL, Quantization(0.1, 9)), Clamp(0), SCALE, "sum[o]")
    assert found.expression == "to_byte(rescale(sum[o], multiplier[o], 32) + 9, 9, 255)"
    assert np.allclose(found.constants[0].values / 2.0**32, SCALE * PIXEL.scale / 0.1)
