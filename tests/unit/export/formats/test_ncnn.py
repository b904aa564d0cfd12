import pytest
import torch
from torch import nn

from mnistx_export.formats.base import Conversion, format_named
from mnistx_runtime import InputSpec
from mnistx_train.inference import DeployedModule


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
