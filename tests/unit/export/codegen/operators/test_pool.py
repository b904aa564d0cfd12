from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from generated_c import PIXEL, answer, compile_c, float_network, hwc, normalized, quantized_network, rescaled, to_bytes
from mnistx_export.codegen.network import Layer, Network, Quantization, Tensor
from mnistx_export.codegen.node import Node, Weights
from mnistx_export.codegen.operators.pool import (
    Pool,
    read_average,
    read_global_average,
    read_global_max,
    read_largest,
    read_max,
    read_mean,
)
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
        "below": (
            read_average(node(**square, pads=(0, 0, 1, 0))),
            functional.avg_pool2d(x, 2, ceil_mode=True, count_include_pad=False),
        ),
        "whole": (read_global_average(node()), x.mean((2, 3), keepdim=True)),
        "axes": (read_mean(node(weights={1: Weights(np.array([-2, -1]))})), x.mean((2, 3), keepdim=True)),
        "whole_largest": (read_global_max(node()), x.amax((2, 3), keepdim=True)),
        "axes_largest": (read_largest(node(axes=(2, 3))), x.amax((2, 3), keepdim=True)),
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
        (read_mean, {"axes": (1,)}, "height and width"),
    ],
)
def test_what_it_cannot_write_it_names(read: Any, given: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadInput, match=f"layer 'pool' .MaxPool.: .*{reason}"):
        read(node(**given))


def test_padding_is_no_number_of_bytes_either(tmp_path: Path) -> None:
    target = Quantization(0.04, 3)
    given: dict[str, Any] = {"kernel_shape": (3, 3), "strides": (2, 2), "pads": (1, 1, 1, 1)}
    pools = {"counted": read_average(node(**given, count_include_pad=1)), "uncounted": read_average(node(**given))}
    networks = {
        name: quantized_network((2, 7, 8), (each, (4, 4, 2)), quantizations=(target,)) for name, each in pools.items()
    }
    library = compile_c(networks, tmp_path)
    x = torch.from_numpy(IMAGES.astype(np.float64)) - PIXEL.zero
    sums, counts = (9 * functional.avg_pool2d(each, 3, 2, 1) for each in (x, torch.ones_like(x)))
    multipliers, shift = fixed_point(PIXEL.scale / target.scale / np.arange(1, 10))
    for name, divisors in (("counted", torch.full_like(counts, 9)), ("uncounted", counts)):
        factors = fixed_point([PIXEL.scale / target.scale / 9]) if name == "counted" else (multipliers, shift)
        multiplier = np.resize(factors[0], 9)[np.rint(hwc(divisors)).astype(int) - 1]
        expected = np.clip(rescaled(np.rint(hwc(sums)).astype(np.int64), multiplier, factors[1]) + target.zero, 0, 255)
        assert np.array_equal(to_bytes(answer(library, name, networks[name], IMAGES), target), expected), name


def test_the_largest_byte_may_become_one_of_another_scale(tmp_path: Path) -> None:
    target = Quantization(0.06, 30)
    network = quantized_network((2, 7, 8), (read_global_max(node()), (1, 1, 2)), quantizations=(target,))
    largest = hwc(torch.from_numpy(IMAGES).amax((2, 3), keepdim=True)).astype(np.float64)
    real = PIXEL.scale * (largest - PIXEL.zero)
    expected = np.clip(np.floor(real / target.scale + 0.5) + target.zero, 0, 255)
    got = answer(compile_c({"largest": network}, tmp_path), "largest", network, IMAGES)
    assert np.array_equal(to_bytes(got, target), expected)


@pytest.mark.parametrize("average", [False, True])
def test_what_is_of_bytes_in_part_is_refused(average: bool) -> None:
    x, y = Tensor("x", (4, 4, 1), PIXEL), Tensor("y", (2, 2, 1))
    pool = Pool(average, (2, 2), (2, 2), (0, 0))
    with pytest.raises(BadInput, match="its input is quantized and its output isn't"):
        pool.kernel(Layer("pool", pool, (x,), y))
