from pathlib import Path
from typing import Any

import numpy as np
import pytest

from generated_c import PIXEL, answer, compile_c, float_network, normalized, quantized_network, rescaled, to_bytes
from mnistx_export.codegen.clamp import Clamp
from mnistx_export.codegen.network import Quantization
from mnistx_export.codegen.node import Node, Weights
from mnistx_export.codegen.operators.linear import Linear, read_gemm
from mnistx_export.codegen.scales import fixed_point
from mnistx_runtime.errors import BadInput

RANDOM = np.random.default_rng(1)
IMAGES = RANDOM.integers(0, 256, (4, 1, 3, 5)).astype(np.uint8)
IMAGES[:, :, 1] = PIXEL.zero  # rows of weights that are passed over


def node(weights: Any, **attributes: Any) -> Node:
    return Node("fc", "Gemm", (), weights, attributes, (), ())


def test_it_computes_products_of_rows(tmp_path: Path) -> None:
    weights, bias = RANDOM.normal(size=(7, 15)).astype(np.float32), RANDOM.normal(size=7).astype(np.float32)
    linear = read_gemm(node({1: Weights(weights), 2: Weights(bias)}, transB=1))
    plain = Linear(np.ascontiguousarray(weights.T), bias, None, Clamp(0, 2))
    networks = {
        "rows": float_network((1, 3, 5), (linear, (7,))),
        "bounded": float_network((1, 3, 5), (plain, (7,))),
    }
    library = compile_c(networks, tmp_path)
    expected = normalized(IMAGES).reshape(4, -1) @ weights.T.astype(np.float64) + bias
    assert np.abs(answer(library, "rows", networks["rows"], IMAGES) - expected).max() < 1e-5
    assert np.abs(answer(library, "bounded", networks["bounded"], IMAGES) - expected.clip(0, 2)).max() < 1e-5


def test_in_bytes_it_is_exact(tmp_path: Path) -> None:
    weights = RANDOM.integers(-64, 65, (15, 6)).astype(np.int8)
    bias, scale = np.arange(6, dtype=np.int32) * 99 - 200, np.linspace(0.01, 0.03, 6).astype(np.float32)
    target = Quantization(0.2, 128)
    network = quantized_network((1, 3, 5), (Linear(weights, bias, scale), (6,)), quantizations=(target,))
    sums = (IMAGES.reshape(4, -1).astype(np.int64) - PIXEL.zero) @ weights + bias
    multiplier, shift = fixed_point(scale.astype(np.float64) * PIXEL.scale / target.scale)
    expected = np.clip(rescaled(sums, multiplier, shift) + target.zero, 0, 255)
    got = to_bytes(answer(compile_c({"bytes": network}, tmp_path), "bytes", network, IMAGES), target)
    assert np.array_equal(got, expected)
    assert len(np.unique(got)) > 10


@pytest.mark.parametrize("attributes", [{"alpha": 2.0}, {"transA": 1}, {"beta": 0.5}])
def test_other_products_are_refused_by_name(attributes: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match=r"layer 'fc' .Gemm.: only x W"):
        read_gemm(node({1: Weights(np.zeros((2, 2), np.float32))}, **attributes))
