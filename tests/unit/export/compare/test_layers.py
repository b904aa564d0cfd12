from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from broken import write_unverified
from mnistx_export import Model
from mnistx_export.checkpoint_model import model_from_checkpoint
from mnistx_export.compare.layers import compare_layers
from mnistx_export.formats.base import format_named
from mnistx_export.golden import golden_images
from mnistx_runtime.errors import BadInput


def golden(model: Model) -> NDArray[np.uint8]:
    return golden_images(model.spec, model.names).images


@pytest.mark.parametrize("name", ["onnx", "torchscript"])
def test_the_trained_model_passes_layer_by_layer(name: str, artifacts: dict[str, Path], model: Model) -> None:
    layers = compare_layers(artifacts[name], model, golden(model), 1e-4)
    assert [layer.name for layer in layers] == ["normalize", *(child for child, _ in model.module.named_children())]
    assert all(layer.passed for layer in layers)


@pytest.mark.parametrize("name", ["onnx", "torchscript"])
@pytest.mark.parametrize(
    ("weight", "layer"),
    [("conv1.bias", "conv1"), ("conv2.weight", "conv2"), ("fc1.bias", "fc1"), ("fc2.weight", "fc2")],
)
def test_the_first_layer_that_differs_is_the_one_that_was_changed(
    name: str, weight: str, layer: str, model: Model, checkpoint: Path, tmp_path: Path
) -> None:
    changed = model_from_checkpoint(checkpoint)
    with torch.no_grad():
        changed.module.get_parameter(weight).view(-1)[0] += 0.05
    artifact = write_unverified(format_named(name), changed, tmp_path / f"changed{format_named(name).suffix}")
    layers = compare_layers(artifact, model, golden(model), 1e-4)
    assert next(each.name for each in layers if not each.passed) == layer


def test_a_normalization_with_another_third_digit_is_the_first_layer(model: Model, tmp_path: Path) -> None:
    other = replace(model, spec=replace(model.spec, mean=(model.spec.mean[0] + 0.001,)))
    artifact = write_unverified(format_named("onnx"), other, tmp_path / "mean.onnx")
    assert not compare_layers(artifact, model, golden(model), 1e-4)[0].passed


def test_layers_of_a_network_that_is_no_list_can_not_be_followed(artifacts: dict[str, Path], model: Model) -> None:
    class Wrapped(nn.Module):
        def __init__(self, inner: nn.Module) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            answers: torch.Tensor = self.inner(x)
            return answers

    with pytest.raises(BadInput, match=r"--layers follows nn.Sequential"):
        compare_layers(artifacts["onnx"], replace(model, module=Wrapped(model.module).eval()), golden(model), 1e-4)
