from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from command import mnistx_process
from mnistx_export import Model, export
from mnistx_export.formats.base import Conversion, format_named
from mnistx_export.formats.executorch import MAX_BATCH
from mnistx_runtime import InputSpec, Predictor
from mnistx_runtime.system.quiet import quiet


@pytest.mark.slow
def test_the_batch_is_free_up_to_its_bound(conversion: Conversion, tmp_path: Path) -> None:
    with quiet():
        from executorch.runtime import Runtime

    (data,) = format_named("executorch").write(conversion).values()
    method = Runtime.get().load_program(data).load_method("forward")
    assert 3 < method.metadata.input_tensor_meta(0).sizes()[0] <= MAX_BATCH
    images = np.random.default_rng(0).integers(0, 256, (3, 1, 28, 28), dtype=np.uint8)
    found = method.execute([torch.from_numpy(images)])[0]
    assert found.shape == (3, 7)
    assert torch.allclose(found, conversion.deployed(torch.from_numpy(images)), atol=1e-4)


class Shuffle(nn.Module):
    """A channel shuffle, of which the lowering fixes the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, stride=2)
        self.conv2 = nn.Conv2d(8, 8, 3, groups=8)
        self.fc = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(x)
        batch, channels, height, width = x.size()
        x = x.view(batch, 2, channels // 2, height, width).transpose(1, 2).contiguous()
        return self.fc(self.conv2(x.view(batch, channels, height, width)).mean([2, 3]))  # type: ignore[no-any-return]


@pytest.mark.slow
def test_a_batch_that_lowering_fixes_is_one(tmp_path: Path) -> None:
    torch.manual_seed(0)
    spec = InputSpec(channels=3, height=16, width=20, mean=(0.5,) * 3, std=(0.25,) * 3)
    model = Model(Shuffle().eval(), spec, names=("cat", "dog", "owl"))
    found = export(model, "executorch", tmp_path / "m.pte")
    assert found.passed
    images = np.random.default_rng(0).integers(0, 256, (3, 3, 16, 20), dtype=np.uint8)
    np.testing.assert_allclose(
        Predictor(found.path, "executorch").log_probs(images), model.log_probs(images), atol=1e-5
    )
    code, _, messages = mnistx_process("verify", found.path)
    assert (code, messages) == (0, "")  # its libraries describe the processor on standard error, if they're let
