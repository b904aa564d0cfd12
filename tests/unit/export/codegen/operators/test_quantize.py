from pathlib import Path

import numpy as np

from generated_c import answer, compile_c, float_network, hwc, normalized, to_bytes
from mnistx_export.codegen.network import Layer, Network, Quantization, Tensor
from mnistx_export.codegen.operators.quantize import Dequantize, Quantize


def test_there_and_back_loses_half_a_step_and_bounds(tmp_path: Path) -> None:
    images = np.arange(256, dtype=np.uint8).reshape(1, 1, 16, 16)
    target = Quantization(0.005, 50)
    plain = float_network((1, 16, 16))
    there = Tensor("there", (16, 16, 1), target)
    layers = (
        *plain.layers,
        Layer("there", Quantize(), (plain.layers[-1].output,), there),
        Layer("back", Dequantize(), (there,), Tensor("back", there.shape)),
    )
    network = Network(plain.image, layers)
    got = to_bytes(answer(compile_c({"both": network}, tmp_path), "both", network, images), target)
    real = hwc(normalized(images)) / target.scale + target.zero
    assert np.abs(got - np.clip(real, 0, 255)).max() <= 0.5001
    assert {got.min(), got.max()} == {0, 255}
