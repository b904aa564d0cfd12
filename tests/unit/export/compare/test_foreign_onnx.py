import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from onnx import TensorProto
from torch import nn

from command import json_lines, mnistx
from foreign_onnx import foreign_model, weights, write
from mnistx_export import Model
from mnistx_export.compare.foreign_onnx import foreign_onnx
from mnistx_export.formats.base import FLOAT16
from mnistx_export.golden import golden_images
from mnistx_runtime import InputSpec
from mnistx_runtime.artifact.parity import FLOAT32, compare
from sets import CARD


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


SPEC = InputSpec(channels=1, height=8, width=9, mean=(0.25,), std=(0.5,))
DIGITS = tuple("0123456789")


def layer(matrix: np.ndarray, spec: InputSpec = SPEC) -> Model:
    """The module that multiplies by the same weights as the files do."""
    linear = nn.Linear(72, 10, bias=False)
    linear.weight.data = torch.from_numpy(matrix.T.copy())
    return Model(nn.Sequential(nn.Flatten(), linear).eval(), spec, DIGITS)


@pytest.mark.parametrize("shape", [["N", 1, 8, 9], [3, 8, 9, 1], ["N", 72]])
@pytest.mark.parametrize("kind", [TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE])
def test_floats_of_every_width_are_fed_and_held_to_what_they_can_keep(
    kind: int, shape: list[int | str], tmp_path: Path
) -> None:
    model = layer(weights(72, 10))
    images = golden_images(SPEC, DIGITS).images
    found = foreign_onnx(write(tmp_path / "m.onnx", foreign_model(shape, kind)), model, images)
    assert found.takes == "normalized pixels"
    assert found.tolerance == (FLOAT16 if kind == TensorProto.FLOAT16 else FLOAT32)
    assert compare(found.answer(images), model.log_probs(images), found.tolerance).passed


@pytest.mark.parametrize("kind", [TensorProto.UINT8, TensorProto.INT32])
def test_whole_numbers_are_pixels_of_0_to_255(kind: int, tmp_path: Path) -> None:
    model = layer(weights(72, 10) / 255, InputSpec(channels=1, height=8, width=9, mean=(0.0,), std=(1 / 255,)))
    path = write(tmp_path / "m.onnx", foreign_model(["N", 1, 8, 9], kind, weights(72, 10) / 255))
    found = foreign_onnx(path, model, golden_images(SPEC, DIGITS).images)
    assert found.takes == "pixels of 0 to 255" and "uint8" not in str(found.lacks)


def test_scales_that_the_answers_can_not_tell_apart_are_both_named_with_the_spec_s_lines(tmp_path: Path) -> None:
    """As of networks whose layers add little, such as the model zoo's mnist-8: on any scale the same class wins."""
    spec = InputSpec(channels=1, height=8, width=9, mean=(0.0,), std=(1.0,))
    matrix = weights(72, 10) * 40
    other = matrix + np.random.default_rng(1).normal(size=matrix.shape).astype(np.float32) * 0.4
    path = write(tmp_path / "m.onnx", foreign_model(["N", 1, 8, 9], given=other))
    images = golden_images(spec, DIGITS).images
    found = foreign_onnx(path, layer(matrix, spec), images)
    for told in ("pixels of 0 to 1", "pixels of 0 to 255", "its answers don't tell", "std = 0.0039215", "std = 1"):
        assert told in found.takes
    certain = foreign_onnx(write(path, foreign_model(["N", 1, 8, 9], given=matrix / 40)), layer(matrix / 40), images)
    assert certain.takes == "normalized pixels"
