from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from mnistx_export import Model, export
from mnistx_export.formats.base import Conversion, format_named
from mnistx_runtime import BadInput, InputSpec
from mnistx_train.evaluation.inference import DeployedModule


@pytest.mark.slow
def test_the_log_softmax_at_the_end_is_left_to_the_runtime(conversion: Conversion) -> None:
    graph = format_named("ncnn").write(conversion)[".ncnn.param"].decode()
    assert "Softmax" not in graph and graph.rstrip().splitlines()[-1].startswith("InnerProduct")


@pytest.mark.slow
def test_one_that_is_written_as_a_function_is_left_out_too(conversion: Conversion) -> None:
    class Functional(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.last = nn.Linear(64, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return nn.functional.log_softmax(self.last(x.flatten(1)), 1)

    spec = InputSpec(channels=1, height=8, width=8, mean=(0.5,), std=(0.5,))
    deployed = DeployedModule(Functional(), spec).eval().requires_grad_(False)
    graph = format_named("ncnn").write(Conversion(deployed, spec))[".ncnn.param"].decode()
    assert "oftmax" not in graph


pytest.importorskip("pnnx")
SPEC = InputSpec(channels=3, height=16, width=20, mean=(0.4,) * 3, std=(0.25,) * 3)


class Rows(nn.Module):
    """Reads an image row by row."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.fc = nn.LSTM(60, 8, batch_first=True), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.lstm(x.transpose(1, 2).flatten(2))[0][:, -1])  # type: ignore[no-any-return]


class Varied(nn.Module):
    """Takes variances, which ncnn doesn't."""

    def forward(self, x: Tensor) -> Tensor:
        return x.var((2, 3))


class Branch(nn.Module):
    """Takes another way for bright images."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3)) if x.mean() > 100 else x.amax((2, 3))


def test_recurrent_layers_are_carried(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = Model(Rows().eval(), SPEC, names=("cat", "dog", "owl"))
    assert export(model, "ncnn", tmp_path / "m.ncnn.param").passed


@pytest.mark.parametrize(("module", "reason"), [(Varied(), "ncnn has no torch.var"), (Branch(), "data-dependent")])
def test_what_ncnn_lacks_and_what_tracing_gets_wrong_is_refused(module: nn.Module, reason: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=f"format ncnn can't carry this module: .*{reason}"):
        export(Model(module.eval(), SPEC, names=("cat", "dog", "owl")), "ncnn", tmp_path / "m.ncnn.param")


def test_the_last_log_softmax_is_left_to_the_runtime() -> None:
    module = nn.Sequential(nn.Flatten(), nn.Linear(960, 3), nn.LogSoftmax(1))
    deployed = DeployedModule(module, SPEC, "log-probabilities").eval()
    graph = format_named("ncnn").write(Conversion(deployed, SPEC))[".ncnn.param"].decode()
    assert "InnerProduct" in graph and "Softmax" not in graph
