import warnings
from pathlib import Path

import pytest
import torch
from torch import nn

from command import json_lines, mnistx
from mnistx_export import Model
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
