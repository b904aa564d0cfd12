from pathlib import Path

import numpy as np
import pytest

from generated_c import PIXEL, answer, compile_c, float_network, normalized
from mnistx_export.codegen.network import Layer, Quantization, Tensor
from mnistx_export.codegen.node import Node
from mnistx_export.codegen.operators.flatten import Flatten, read_flatten
from mnistx_runtime.errors import BadInput


def test_numbers_come_channel_by_channel(tmp_path: Path) -> None:
    images = np.random.default_rng(6).integers(0, 256, (2, 3, 2, 4)).astype(np.uint8)
    network = float_network((3, 2, 4), (Flatten(), (24,)))
    got = answer(compile_c({"flat": network}, tmp_path), "flat", network, images)
    assert np.abs(got - normalized(images).reshape(2, -1)).max() < 1e-6


def test_what_lies_in_order_stays() -> None:
    x, y = Tensor("x", (1, 1, 5)), Tensor("y", (5,))
    assert Flatten().kernel(Layer("flat", Flatten(), (x,), y)).text == ""


def test_other_shapes_and_scales_are_refused() -> None:
    with pytest.raises(BadInput, match=r"layer 'view' .Reshape.: only flattening"):
        read_flatten(Node("view", "Reshape", (), {}, {}, (3, 4), ((3, 2, 2),)))
    x, y = Tensor("x", (2, 2, 5), PIXEL), Tensor("y", (20,), Quantization(1.0, 0))
    with pytest.raises(BadInput, match="different scales"):
        Flatten().kernel(Layer("flat", Flatten(), (x,), y))
