from pathlib import Path

import numpy as np

from generated_c import PIXEL, answer, compile_c, float_network, normalized, quantized_network
from mnistx_export.codegen.network import Quantization
from mnistx_export.codegen.operators.flatten import Flatten
from mnistx_export.codegen.operators.linear import Linear
from mnistx_export.codegen.passes.fuse_flatten import fuse_flatten


def test_weights_take_the_order_of_the_plane(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    weights = random.normal(size=(24, 3)).astype(np.float32)
    linear = Linear(weights, np.zeros(3, np.float32), None)
    network = float_network((2, 3, 4), (Flatten(), (24,)), (linear, (3,)))
    fused = fuse_flatten(network)
    assert [layer.name for layer in fused.layers] == ["normalize", "layer 1"]
    images = random.integers(0, 256, (2, 2, 3, 4)).astype(np.uint8)
    got = answer(compile_c({"flat": network}, tmp_path), "flat", network, images)
    assert np.abs(got - normalized(images).reshape(2, -1) @ weights).max() < 1e-5


def test_of_two_scales_it_stays() -> None:
    linear = Linear(np.ones((24, 3), np.int8), np.zeros(3, np.int32), np.ones(3, np.float32))
    steps = (Flatten(), (24,)), (linear, (3,))
    same = quantized_network((2, 3, 4), *steps, quantizations=(PIXEL, None))
    other = quantized_network((2, 3, 4), *steps, quantizations=(Quantization(1.0, 0), None))
    assert len(fuse_flatten(same).layers) == 2
    assert len(fuse_flatten(other).layers) == 3
