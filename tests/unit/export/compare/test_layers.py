import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from broken import write_unverified
from mnistx_export import Model
from mnistx_export.checkpoint_model import model_from_checkpoint
from mnistx_export.compare.layers import compare_layers
from mnistx_export.formats.base import format_named
from mnistx_export.golden import golden_images
from mnistx_runtime import InputSpec
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


SPEC = InputSpec(channels=1, height=8, width=9, mean=(0.4,), std=(0.25,))


class Own(nn.Module):
    """A forward of its own: a layer used twice, one that is never called, functions between, a tuple handed on."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm = nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.again, self.unused = nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(1, 4, 3, padding=1)
        self.act, self.drop, self.pair = nn.ReLU(inplace=True), nn.Dropout(inplace=True), Pair()
        self.fc = nn.Linear(4 * 8 * 9, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        one, other = self.pair(self.act(self.norm(self.first(x))))
        x = functional.relu(self.again(one) + other)
        answers: torch.Tensor = self.fc(self.drop(self.act(self.again(x))).flatten(1))
        return answers


class Pair(nn.Module):
    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return x, x * 2


def own_model(module: nn.Module) -> Model:
    torch.manual_seed(0)
    for each in module.modules():
        if isinstance(each, nn.BatchNorm2d):
            assert each.running_mean is not None and each.running_var is not None
            each.running_mean.normal_()
            each.running_var.uniform_(0.5, 2)
    return Model(module.eval(), SPEC, ("cat", "dog", "owl"))


def sequence() -> nn.Sequential:
    """Dropout, layers that do nothing, one that works in place, one that stands at two places."""
    act = nn.ReLU(inplace=True)
    return nn.Sequential(
        *(nn.Conv2d(1, 4, 3, padding=1), act, nn.Dropout(), nn.Conv2d(4, 4, 3, padding=1), nn.Identity(), act),
        *(nn.Flatten(), nn.Dropout(inplace=True), nn.Linear(4 * 8 * 9, 3)),
    )


@pytest.mark.parametrize("name", ["onnx", "torchscript"])
@pytest.mark.parametrize(
    ("module", "followed"),
    [
        (sequence, ["normalize", "0", "1", "3", "1 (call 2)", "6", "8"]),
        (Own, ["normalize", "norm", "act", "again", "again (call 2)", "act (call 2)", "fc"]),
    ],
)
def test_every_layer_is_followed_as_often_as_it_is_called_and_those_that_do_nothing_are_left_out(
    module: Callable[[], nn.Module], followed: list[str], name: str, tmp_path: Path
) -> None:
    model = own_model(module())
    artifact = write_unverified(format_named(name), model, tmp_path / f"m{format_named(name).suffix}")
    images = np.random.default_rng(0).integers(0, 256, (6, *SPEC.shape), dtype=np.uint8)
    layers = compare_layers(artifact, model, images, 1e-4)
    assert [layer.name for layer in layers] == followed and all(layer.passed for layer in layers), layers
    changed = own_model(copy.deepcopy(model.module))
    with torch.no_grad():
        next(p for n, p in changed.module.named_parameters() if n in ("3.bias", "again.bias")).add_(0.05)
    layers = compare_layers(artifact, changed, images, 1e-4)
    assert next(layer.name for layer in layers if not layer.passed) in ("3", "again")


def test_a_network_without_a_layer_to_follow_is_told(artifacts: dict[str, Path], model: Model) -> None:
    class Function(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.flatten(1)[:, :10]

    with pytest.raises(BadInput, match=r"--layers follows modules such as .*Conv2d"):
        compare_layers(artifacts["onnx"], Model(Function().eval(), model.spec, model.names), golden(model), 1e-4)
