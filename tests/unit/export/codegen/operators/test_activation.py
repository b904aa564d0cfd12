from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from generated_c import PIXEL, answer, compile_c, float_network, hwc, normalized, quantized_network, to_bytes
from mnistx_export.codegen.clamp import NONE, Clamp
from mnistx_export.codegen.network import Layer, Quantization, Tensor
from mnistx_export.codegen.node import Node, Weights
from mnistx_export.codegen.operators import activation
from mnistx_runtime.errors import BadInput

IMAGES = np.arange(256, dtype=np.uint8).reshape(1, 1, 16, 16)
VALUES = normalized(IMAGES) * 4


def node(weights: Any = None, **attributes: Any) -> Node:
    return Node("f", "F", (), weights or {}, attributes, (), ())


def bounds(low: float, high: float) -> dict[int, Weights]:
    return {1: Weights(np.array(low, np.float32)), 2: Weights(np.array(high, np.float32))}


CASES: dict[str, tuple[activation.Activation, Any]] = {
    "relu": (activation.read_relu(node()), torch.relu),
    "relu6": (activation.read_clip(node(bounds(0, 6))), functional.relu6),
    "hard_sigmoid": (activation.read_hard_sigmoid(node(alpha=1 / 6)), functional.hardsigmoid),
    "hard_swish": (activation.read_hard_swish(node()), functional.hardswish),
    "leaky": (activation.read_leaky_relu(node(alpha=0.1)), lambda x: functional.leaky_relu(x, 0.1)),
    "sigmoid": (activation.read_sigmoid(node()), torch.sigmoid),
    "gelu": (activation.read_gelu(node()), functional.gelu),
    "gelu_tanh": (activation.read_gelu(node(approximate=b"tanh")), lambda x: functional.gelu(x, approximate="tanh")),
    "tanh_of": (activation.read_tanh(node()), torch.tanh),
}


def test_of_real_numbers_it_computes_what_pytorch_does(tmp_path: Path) -> None:
    positive = activation.bounds(Clamp(0.01))
    networks = {name: float_network((1, 16, 16), (each, (16, 16, 1))) for name, (each, _) in CASES.items()}
    logarithm = float_network((1, 16, 16), (positive, (16, 16, 1)), (activation.read_log(node()), (16, 16, 1)))
    library = compile_c(networks | {"logarithm_of": logarithm}, tmp_path)
    x = torch.from_numpy(normalized(IMAGES))
    for name, (_, function) in CASES.items():
        assert np.abs(answer(library, name, networks[name], IMAGES) - hwc(function(x))).max() < 1e-6, name
    got = answer(library, "logarithm_of", logarithm, IMAGES)
    assert np.abs(got - hwc(x.clamp(min=0.01).log())).max() < 1e-5


def test_of_bytes_it_is_a_table(tmp_path: Path) -> None:
    target = Quantization(0.03, 40)
    networks = {
        name: quantized_network((1, 16, 16), (each, (16, 16, 1)), quantizations=(target,))
        for name, (each, _) in CASES.items()
    }
    library = compile_c(networks, tmp_path)
    x = torch.from_numpy((IMAGES.astype(np.float64) - PIXEL.zero) * PIXEL.scale)
    for name, (_, function) in CASES.items():
        expected = np.clip(np.floor(hwc(function(x)) / target.scale + 0.5) + target.zero, 0, 255)
        got = to_bytes(answer(library, name, networks[name], IMAGES), target)
        assert np.abs(got - expected).max() <= 1, name
        assert (got != expected).mean() < 0.02, name  # ties, as a double rounds them


def test_what_changes_nothing_has_no_function() -> None:
    x = Tensor("x", (4,))
    nothing = activation.read_identity(node())
    assert nothing.clamp == NONE
    assert nothing.kernel(Layer("f", nothing, (x,), x)).text == ""


def test_bytes_on_one_side_alone_are_refused() -> None:
    each = activation.read_tanh(node())
    with pytest.raises(BadInput, match="quantized"):
        each.kernel(Layer("f", each, (Tensor("x", (4,), PIXEL),), Tensor("y", (4,))))
