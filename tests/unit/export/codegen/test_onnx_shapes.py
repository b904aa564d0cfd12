from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from generated_c import answer, compile_c
from mnistx_export.codegen.onnx_reader import network_from_onnx
from mnistx_export.codegen.onnx_shapes import infer_shapes
from mnistx_export.formats.base import Conversion
from mnistx_export.formats.onnx import onnx_model
from mnistx_runtime.errors import BadInput
from mnistx_runtime.input_spec import InputSpec
from mnistx_train.evaluation.inference import DeployedModule

SPEC = InputSpec(channels=1, height=9, width=10, mean=(0.4,), std=(0.3,))

POOLS: dict[str, nn.Module] = {
    "largest": nn.MaxPool2d(2, (3, 2), (0, 1), ceil_mode=True),
    "last_one_begins_beyond": nn.MaxPool2d(2, 4, 1, ceil_mode=True),
    "largest_of_all": nn.MaxPool2d(3, 2, ceil_mode=True),
    "mean": nn.AvgPool2d(3, 2, ceil_mode=True),
    "uncounted": nn.AvgPool2d(2, 3, 1, ceil_mode=True, count_include_pad=False),
    "counted_within": nn.AvgPool2d((3, 2), 2, (1, 1), ceil_mode=True),
}


def conversion_of(pool: nn.Module) -> Conversion:
    torch.manual_seed(1)
    numbers = pool(torch.zeros(1, 1, SPEC.height, SPEC.width)).numel()
    module = nn.Sequential(pool, nn.Flatten(), nn.Linear(numbers, 3)).eval()
    return Conversion(DeployedModule(module, SPEC, "logits").eval(), SPEC)


def test_pools_that_round_up_have_as_many_windows_as_in_pytorch(tmp_path: Path) -> None:
    conversions = {name: conversion_of(pool) for name, pool in POOLS.items()}
    networks = {name: network_from_onnx(onnx_model(each)) for name, each in conversions.items()}
    library = compile_c(networks, tmp_path)
    images = np.random.default_rng(0).integers(0, 256, (4, *SPEC.shape)).astype(np.uint8)
    for name, network in networks.items():
        with torch.inference_mode():
            expected = conversions[name].deployed(torch.from_numpy(images)).numpy()
        assert np.abs(answer(library, name, network, images) - expected).max() < 1e-5, name


def test_a_graph_is_of_one_image_and_stays_as_it_is() -> None:
    model = onnx_model(conversion_of(POOLS["largest"]))
    before = model.SerializeToString(deterministic=True)
    shapes = {
        value.name: [dim.dim_value for dim in value.type.tensor_type.shape.dim]
        for value in infer_shapes(model).value_info
    }
    assert shapes["max_pool2d"] == [1, 1, 3, 6]
    assert model.SerializeToString(deterministic=True) == before


def test_windows_beyond_padding_that_counts_are_refused() -> None:
    model = onnx_model(conversion_of(nn.AvgPool2d(4, 3, 1, ceil_mode=True)))
    with pytest.raises(BadInput, match=r"layer 'avg_pool2d' .AveragePool.: it counts padding"):
        infer_shapes(model)
