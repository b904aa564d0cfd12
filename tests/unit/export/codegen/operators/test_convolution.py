from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from generated_c import PIXEL, answer, compile_c, float_network, hwc, normalized, quantized_network, rescaled, to_bytes
from mnistx_export.codegen.clamp import NONE, Clamp
from mnistx_export.codegen.network import Network, Quantization
from mnistx_export.codegen.node import Node, Weights
from mnistx_export.codegen.operators.convolution import Convolution, read_batch_norm, read_conv
from mnistx_export.codegen.scales import fixed_point
from mnistx_runtime.errors import BadInput

CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "uneven": {"kernel": (3, 2), "pads": (1, 0), "stride": (1, 2), "shape": (2, 7, 8)},
    "wide": {"kernel": (5, 5), "pads": (2, 2), "outputs": 5},
    "dilated": {"dilation": (2, 1), "pads": (2, 1)},
    "strided": {"stride": (2, 2), "pads": (1, 1), "shape": (3, 9, 7)},
    "grouped": {"groups": 2, "shape": (4, 6, 6), "outputs": 6},
    "depthwise": {"groups": 4, "shape": (4, 6, 5), "outputs": 4, "pads": (1, 1)},
    "one by one": {"kernel": (1, 1), "pads": (0, 0)},
    "relu": {"clamp": Clamp(0), "pads": (1, 1)},
    "relu6": {"clamp": Clamp(0, 0.5)},
    "pooled": {"pool": 2, "clamp": Clamp(0), "pads": (1, 1), "shape": (1, 8, 6)},
    "pooled odd": {"pool": 3, "pads": (1, 1), "shape": (1, 8, 11)},
    "pooled whole": {"pool": 4, "kernel": (1, 3), "pads": (0, 0), "outputs": 1, "shape": (1, 4, 6)},
}


class Case:
    def __init__(self, values: dict[str, Any], quantized: bool) -> None:
        random = np.random.default_rng(5)
        self.shape = values.get("shape", (3, 6, 7))
        self.groups, self.outputs = values.get("groups", 1), values.get("outputs", 4)
        self.kernel = values.get("kernel", (3, 3))
        self.stride, self.dilation = values.get("stride", (1, 1)), values.get("dilation", (1, 1))
        self.pads, self.clamp, self.pool = values.get("pads", (1, 1)), values.get("clamp", NONE), values.get("pool", 1)
        shape = (self.outputs, self.shape[0] // self.groups, *self.kernel)
        self.scale = random.uniform(0.01, 0.02, self.outputs).astype(np.float32) if quantized else None
        if quantized:
            self.weight = random.integers(-64, 65, shape).astype(np.int8)
            self.bias = random.integers(-500, 500, self.outputs).astype(np.int32)
        else:
            self.weight = random.normal(0, 0.5, shape).astype(np.float32)
            self.bias = random.normal(0, 0.5, self.outputs).astype(np.float32)
        self.images = random.integers(0, 256, (3, *self.shape)).astype(np.uint8)

    def operator(self) -> Convolution:
        weights = {1: Weights(self.weight, self.scale), 2: Weights(self.bias, self.scale)}
        given = {
            "group": self.groups,
            "strides": self.stride,
            "dilations": self.dilation,
            "pads": (*self.pads, *self.pads),
        }
        found = read_conv(Node("conv", "Conv", (), weights, given, (), ()))
        return replace(found, clamp=self.clamp, pool=self.pool)

    def sums(self, values: Any) -> torch.Tensor:
        """The convolution of values, pooled, in float64: of whole numbers, exact."""
        found = functional.conv2d(
            torch.from_numpy(np.asarray(values, np.float64)),
            torch.from_numpy(self.weight.astype(np.float64)),
            torch.from_numpy(self.bias.astype(np.float64)),
            self.stride,
            self.pads,
            self.dilation,
            self.groups,
        )
        return functional.max_pool2d(found, self.pool)


def network_of(case: Case, quantization: Quantization | None = None) -> Network:
    _, outputs, height, width = case.sums(case.images).shape
    step = (case.operator(), (height, width, outputs))
    if case.scale is None:
        return float_network(case.shape, step)
    return quantized_network(case.shape, step, quantizations=(quantization,))


def test_it_computes_what_pytorch_does(tmp_path: Path) -> None:
    cases = {name.replace(" ", "_"): Case(values, quantized=False) for name, values in CASES.items()}
    networks = {name: network_of(case) for name, case in cases.items()}
    library = compile_c(networks, tmp_path)
    for name, case in cases.items():
        expected = case.sums(normalized(case.images)).clamp(case.clamp.low, case.clamp.high)
        got = answer(library, name, networks[name], case.images)
        assert np.abs(got - hwc(expected)).max() < 2e-5, name


def test_in_bytes_it_is_exact(tmp_path: Path) -> None:
    target = Quantization(0.11, 20)
    cases = {name.replace(" ", "_"): Case(values, quantized=True) for name, values in CASES.items()}
    networks = {name: network_of(case, target) for name, case in cases.items()}
    library = compile_c(networks, tmp_path)
    spread = set()
    for name, case in cases.items():
        sums = hwc(case.sums(case.images.astype(int) - PIXEL.zero))
        assert case.scale is not None
        multiplier, shift = fixed_point(case.scale.astype(np.float64) * PIXEL.scale / target.scale)
        low, high = case.clamp.of_bytes(target)
        per_number = np.resize(multiplier, sums.shape[1])
        expected = np.clip(rescaled(sums.astype(np.int64), per_number, shift) + target.zero, low, high)
        got = to_bytes(answer(library, name, networks[name], case.images), target)
        assert np.array_equal(got, expected), name
        spread |= set(got.reshape(-1).tolist())
    assert len(spread) > 100


def test_sums_of_bytes_can_be_written_as_real_numbers(tmp_path: Path) -> None:
    case = Case({"clamp": Clamp(0)}, quantized=True)
    network = network_of(case)
    got = answer(compile_c({"real": network}, tmp_path), "real", network, case.images)
    assert case.scale is not None
    sums = hwc(case.sums(case.images.astype(int) - PIXEL.zero))
    expected = np.maximum(sums * np.resize(case.scale * np.float32(PIXEL.scale), sums.shape[1]), 0)
    assert np.allclose(got, expected, rtol=1e-6)


@pytest.mark.parametrize(
    "weights, attributes, reason",
    [
        ({}, {}, "its weights are computed as it runs"),
        ({1: Weights(np.zeros((1, 1, 3), np.float32))}, {}, "only convolutions over two dimensions"),
        ({1: Weights(np.zeros((1, 1, 3, 3), np.float32))}, {"auto_pad": b"SAME_UPPER"}, "isn't given in numbers"),
    ],
)
def test_what_it_cannot_write_it_names(weights: Any, attributes: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadInput, match=f"format c can't carry layer 'stem' .Conv.: .*{reason}"):
        read_conv(Node("stem", "Conv", (), weights, attributes, (), ()))


def test_batch_normalization_is_what_pytorch_does(tmp_path: Path) -> None:
    random = np.random.default_rng(9)
    numbers = [random.uniform(0.5, 2, 3).astype(np.float32) for _ in range(4)]
    weights = {at + 1: Weights(values) for at, values in enumerate(numbers)}
    operator = read_batch_norm(Node("norm", "BatchNormalization", (), weights, {"epsilon": 1e-3}, (3, 4, 5), ()))
    network = float_network((3, 4, 5), (operator, (4, 5, 3)))
    images = random.integers(0, 256, (2, 3, 4, 5)).astype(np.uint8)
    scale, shift, mean, variance = (torch.from_numpy(each).double() for each in numbers)
    x = torch.from_numpy(normalized(images))
    expected = functional.batch_norm(x, mean, variance, scale, shift, eps=1e-3)
    got = answer(compile_c({"norm": network}, tmp_path), "norm", network, images)
    assert np.abs(got - hwc(expected)).max() < 1e-5
    with pytest.raises(BadInput, match="only trained numbers"):
        read_batch_norm(Node("norm", "BatchNormalization", (), {}, {}, (3, 4, 5), ()))
