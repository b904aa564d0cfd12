from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from generated_c import PIXEL, answer, compile_c, float_network, hwc, normalized, quantized_network, rescaled, to_bytes
from mnistx_export.codegen.network import Layer, Network, Quantization, Tensor
from mnistx_export.codegen.node import Node, Weights
from mnistx_export.codegen.operators.pool import Pool, read_average, read_global_average, read_max, read_mean
from mnistx_export.codegen.scales import fixed_point
from mnistx_runtime.errors import BadInput

IMAGES = np.random.default_rng(2).integers(0, 256, (3, 2, 7, 8)).astype(np.uint8)


def node(kind: str = "MaxPool", weights: Any = None, shapes: Any = ((2, 7, 8),), **attributes: Any) -> Node:
    return Node("pool", kind, (), weights or {}, attributes, (), shapes)


def network_of(pool: Pool, shape: tuple[int, ...]) -> Network:
    return float_network((2, 7, 8), (pool, (*shape[2:], shape[1])))


def test_it_pools_as_pytorch_does(tmp_path: Path) -> None:
    x = torch.from_numpy(normalized(IMAGES))
    square: dict[str, Any] = {"kernel_shape": (2, 2), "strides": (2, 2)}
    padded: dict[str, Any] = {"kernel_shape": (3, 3), "strides": (2, 2), "pads": (1, 1, 1, 1)}
    cases = {
        "largest": (read_max(node(**square)), functional.max_pool2d(x, 2)),
        "padded": (read_max(node(**padded)), functional.max_pool2d(x, 3, 2, 1)),
        "ceiling": (read_max(node(**square, ceil_mode=1)), functional.max_pool2d(x, 2, ceil_mode=True)),
        "mean": (read_average(node(**square)), functional.avg_pool2d(x, 2)),
        "counted": (read_average(node(**padded, count_include_pad=1)), functional.avg_pool2d(x, 3, 2, 1)),
        "uncounted": (read_average(node(**padded)), functional.avg_pool2d(x, 3, 2, 1, count_include_pad=False)),
        "whole": (read_global_average(node()), x.mean((2, 3), keepdim=True)),
        "axes": (read_mean(node(weights={1: Weights(np.array([-2, -1]))})), x.mean((2, 3), keepdim=True)),
    }
    networks = {name: network_of(pool, tuple(expected.shape)) for name, (pool, expected) in cases.items()}
    library = compile_c(networks, tmp_path)
    for name, (_, expected) in cases.items():
        assert np.abs(answer(library, name, networks[name], IMAGES) - hwc(expected)).max() < 1e-6, name


def test_in_bytes_it_is_exact(tmp_path: Path) -> None:
    target = Quantization(0.04, 3)
    largest = quantized_network(
        (2, 7, 8), (read_max(node(kernel_shape=(2, 2), strides=(2, 2))), (3, 4, 2)), quantizations=(PIXEL,)
    )
    mean = quantized_network((2, 7, 8), (read_global_average(node()), (1, 1, 2)), quantizations=(target,))
    library = compile_c({"largest": largest, "mean": mean}, tmp_path)
    x = torch.from_numpy(IMAGES.astype(np.float64))
    expected = hwc(functional.max_pool2d(x, 2))
    assert np.array_equal(to_bytes(answer(library, "largest", largest, IMAGES), PIXEL), expected)
    multiplier, shift = fixed_point([PIXEL.scale / target.scale / 56])
    sums = hwc(x.sum((2, 3), keepdim=True)).astype(np.int64) - 56 * PIXEL.zero
    expected = np.clip(rescaled(sums, multiplier, shift) + target.zero, 0, 255)
    assert np.array_equal(to_bytes(answer(library, "mean", mean, IMAGES), target), expected)


@pytest.mark.parametrize(
    "read, given, reason",
    [
        (read_max, {"dilations": (2, 2), "kernel_shape": (2, 2)}, "gaps"),
        (read_average, {"kernel_shape": (2, 2), "ceil_mode": 1}, "ceil_mode"),
        (read_average, {"kernel_shape": (2, 2), "ceil_mode": 1, "count_include_pad": 1}, "ceil_mode"),
        (read_mean, {"axes": (1,)}, "height and width"),
    ],
)
def test_what_it_cannot_write_it_names(read: Any, given: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadInput, match=f"layer 'pool' .MaxPool.: .*{reason}"):
        read(node(**given))


@pytest.mark.parametrize(
    "pool, reason",
    [
        (Pool(False, (2, 2), (2, 2), (0, 0)), "different scales"),
        (Pool(True, (2, 2), (2, 2), (1, 1)), "no padding"),
        (Pool(True, (2, 2), (2, 2), (1, 1), True), "no padding"),
    ],
)
def test_bytes_that_it_cannot_write_are_refused(pool: Pool, reason: str) -> None:
    x, y = Tensor("x", (4, 4, 1), PIXEL), Tensor("y", (2, 2, 1), Quantization(1.0, 0))
    with pytest.raises(BadInput, match=reason):
        pool.kernel(Layer("pool", pool, (x,), y))
