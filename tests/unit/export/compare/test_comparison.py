"""What `mnistx compare` sees, and a device alone can't."""

import json
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from broken import write_unverified
from command import RELEASED, json_lines, mnistx
from mnistx_export import Model
from mnistx_export.checkpoint_model import model_from_checkpoint
from mnistx_export.compare.layers import compare_layers
from mnistx_export.compare.suites import BATCHES, run_suites, search_worst
from mnistx_export.formats.base import format_named
from mnistx_export.golden import golden_images
from mnistx_runtime import Tolerance
from mnistx_runtime.errors import BadInput
from mnistx_runtime.predictor import Predictor
from mnistx_train.checkpoint import save_checkpoint
from mnistx_train.network import cnn
from sets import CARD

Array = NDArray[np.floating]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network with its first weights, of a data set that is nowhere: nothing but parity can be asked of it."""
    torch.manual_seed(5)
    path = tmp_path_factory.mktemp("checkpoint") / "model.safetensors"
    save_checkpoint(path, cnn(), CARD)
    return path


@pytest.fixture
def model(checkpoint: Path) -> Model:
    return model_from_checkpoint(checkpoint)


@pytest.fixture(scope="module")
def artifacts(checkpoint: Path) -> dict[str, Path]:
    names = {"onnx": "model.onnx", "torchscript": "model.torchscript"}
    model = model_from_checkpoint(checkpoint)
    return {
        name: write_unverified(format_named(name), model, checkpoint.with_name(file)) for name, file in names.items()
    }


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


@pytest.mark.slow
def test_every_set_of_images_is_compared_and_nothing_else_would_be_missed(model: Model) -> None:
    parts = run_suites(model.log_probs, model, Tolerance(1e-4))
    assert [part.float32.count for part in parts] == [sum(BATCHES), 263, 32]
    assert all(part.passed and part.float32.max_abs == 0 for part in parts)

    def wrong_in_one_batch(images: NDArray[np.uint8]) -> Array:
        return model.log_probs(images) + (0.01 if len(images) == 3 else 0)

    def not_finite_on_white(images: NDArray[np.uint8]) -> Array:
        return np.where((images.reshape(len(images), -1) == 255).all(1)[:, None], np.nan, model.log_probs(images))

    broken = run_suites(wrong_in_one_batch, model, Tolerance(1e-4))
    assert [part.passed for part in broken] == [False, True, True]
    infinite = run_suites(not_finite_on_white, model, Tolerance(1e-4))
    assert not infinite[1].passed and infinite[1].not_finite == 10


def test_the_search_climbs_to_where_the_difference_is() -> None:
    def flat(images: NDArray[np.uint8]) -> Array:
        return np.zeros((len(images), 2))

    def corner(images: NDArray[np.uint8]) -> Array:
        bright = images[:, 0, :14, :14].mean((1, 2))
        return np.stack([bright, -bright], axis=1)

    starts = np.zeros((16, 1, 28, 28), np.uint8)
    found = search_worst(corner, flat, starts)
    assert found[:, 0, :14, :14].mean() > 4 * found[:, 0, 14:, 14:].mean() > 0
    assert (found == search_worst(corner, flat, starts)).all() and not starts.any()


class Foreign(torch.nn.Module):
    """Somebody else's model: pixels last, normalized outside, logits or probabilities."""

    def __init__(self, network: nn.Module, probabilities: bool, normalized: bool) -> None:
        super().__init__()
        self.layers = torch.nn.Sequential(*list(network.children())[:-1])
        self.probabilities, self.normalized = probabilities, normalized

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.permute(0, 3, 1, 2)
        logits = self.layers(x if self.normalized else (x - CARD.input.mean[0]) / CARD.input.std[0])
        return torch.softmax(logits, 1) if self.probabilities else torch.as_tensor(logits)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("probabilities", "normalized", "takes"), [(True, True, "normalized pixels"), (False, False, "pixels of 0 to 1")]
)
def test_an_onnx_file_of_another_origin_is_read_and_told_what_it_lacks(
    probabilities: bool, normalized: bool, takes: str, model: Model, checkpoint: Path, tmp_path: Path
) -> None:
    path = tmp_path / "foreign.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = Foreign(model.module, probabilities, normalized).eval()
        torch.onnx.export(module, (torch.zeros(1, 28, 28, 1),), path, external_data=False, verbose=False)
    found = mnistx("compare", path, "--against", checkpoint, "--json")
    (values,) = json_lines(found)
    assert found.exit_code == 0 and values["passed"] and values["certificate"] is None
    assert values["takes"] == takes
    assert "certificate" in str(values["lacks"]) and "1 at a time" in str(values["lacks"])
    assert mnistx("compare", path, "--against", checkpoint, "--layers").exit_code == 2


@pytest.mark.slow
def test_a_report_shows_what_is_wrong(artifacts: dict[str, Path], checkpoint: Path, tmp_path: Path) -> None:
    model = onnx.load(artifacts["onnx"])
    for held in model.graph.initializer:
        if held.name == "fc1.bias":
            held.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(held) * np.float32(1.5), held.name))
    onnx.save(model, tmp_path / "bad.onnx")
    for ending in ("html", "json"):
        report = tmp_path / f"report.{ending}"
        found = mnistx(
            "compare", tmp_path / "bad.onnx", artifacts["onnx"], "--against", checkpoint, "--layers", "--report", report
        )
        assert found.exit_code == 1 and "first layer that differs: fc1" in found.stdout
        assert "HERE" in found.stdout and "no test images" in found.stdout
    page = (tmp_path / "report.html").read_text()
    assert "is not the trained model" in page and page.count('<tr class="no">') > 3
    bad, good = json.loads((tmp_path / "report.json").read_text())
    assert not bad["passed"] and good["passed"] and bad["certificate"]["differences"] == ["weights"]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--layers"], "--against"),
        (["--spec", "x.toml", "--against", "y"], "--against"),
        (["--spec", "x.toml"], "mnistx spec init"),
        (["--against", "no.safetensors"], "no such checkpoint"),
    ],
)
def test_what_can_not_be_compared_is_told_in_one_line(options: list[str], why: str, artifacts: dict[str, Path]) -> None:
    found = mnistx("compare", artifacts["onnx"], *options)
    assert found.exit_code == 2 and why in found.stderr and len(found.stderr.splitlines()) == 1


def test_a_report_of_another_ending_is_refused_before_any_work(artifacts: dict[str, Path], checkpoint: Path) -> None:
    found = mnistx("compare", artifacts["onnx"], "--against", checkpoint, "--report", "report.pdf")
    assert found.exit_code == 2 and not found.stdout and ".html or .json" in found.stderr


@pytest.mark.slow
def test_the_released_model_passes_on_all_test_images(mnist: Path) -> None:
    onnx_file = RELEASED.with_suffix(".onnx")
    found = mnistx("compare", onnx_file, "--against", RELEASED, "--data-dir", mnist, "--layers", "--json")
    (values,) = json_lines(found)
    assert found.exit_code == 0 and values["parts"][0]["float32"]["count"] == 10_000
    assert values["parts"][0]["accuracy"] == Predictor(onnx_file).metadata.test_accuracy
