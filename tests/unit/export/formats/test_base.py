from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mnistx_export import Model, export
from mnistx_export.formats.base import Conversion, fix_pools, format_named, traceable
from mnistx_runtime import InputSpec
from mnistx_runtime.backends import SUFFIXES, backend
from mnistx_train.evaluation.inference import DeployedModule

SPEC = InputSpec(channels=3, height=12, width=16, mean=(0.4,) * 3, std=(0.25,) * 3)


class Length(nn.Module):
    """Asks Python for the batch's size, which fixes it where the code is run to be exported."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(18, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(nn.functional.adaptive_max_pool2d(x, (3, 2)).reshape(len(x), -1))  # type: ignore[no-any-return]


def deployed() -> DeployedModule:
    torch.manual_seed(0)
    return DeployedModule(Length().eval(), SPEC, "logits").eval()


@pytest.mark.parametrize(
    ("name", "suffix"),
    [
        ("onnx", ".onnx"),
        ("pt2", ".pt2"),
        ("torchscript", ".torchscript"),
        pytest.param("executorch", ".pte", marks=pytest.mark.slow),
    ],
)
def test_code_that_asks_for_the_length_of_a_batch_takes_any(name: str, suffix: str, tmp_path: Path) -> None:
    model = Model(deployed().module, SPEC, names=tuple("abcde"))
    found = export(model, name, tmp_path / f"m{suffix}")
    assert found.passed
    images = np.random.default_rng(0).integers(0, 256, (5, *SPEC.shape), dtype=np.uint8)
    answers = backend(SUFFIXES[suffix]).load(found.path, 1).run(images)
    np.testing.assert_allclose(answers, model.log_probs(images), atol=1e-5)


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_program_stays_free_when_it_is_traced_and_its_pools_are_plain_ones() -> None:
    module = deployed()
    program = fix_pools(Conversion(module, SPEC).program())
    traced = torch.jit.trace(traceable(program), (torch.zeros(2, *SPEC.shape, dtype=torch.uint8),), check_trace=False)  # type: ignore[no-untyped-call]
    assert "adaptive" not in str(program.graph)
    images = torch.randint(0, 256, (5, *SPEC.shape), dtype=torch.uint8)
    torch.testing.assert_close(traced(images), module(images))


def test_reading_the_code_leaves_no_address_of_this_process_in_the_archive() -> None:
    first, second = (format_named("pt2").write(Conversion(deployed(), SPEC))[".pt2"] for _ in range(2))
    assert first == second
