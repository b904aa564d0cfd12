from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from mnistx_export import Model, export
from mnistx_runtime import BadInput, InputSpec

SPEC = InputSpec(channels=1, height=12, width=16, mean=(0.4,), std=(0.25,))


class Loop(nn.Module):
    """Answers image by image."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([image[0, 0] for image in x])


class Branch(nn.Module):
    """Takes another way for bright images."""

    def forward(self, x: Tensor) -> Tensor:
        return x[:, 0, 0] if x.mean() > 100 else x[:, 0, 1]


@pytest.mark.parametrize(("module", "reason"), [(Loop(), "its batch isn't free"), (Branch(), "data-dependent")])
def test_what_onnx_cannot_carry_is_refused_with_the_reason(module: nn.Module, reason: str, tmp_path: Path) -> None:
    model = Model(module.eval(), SPEC, names=tuple(map(str, range(16))))
    with pytest.raises(BadInput, match=reason):
        export(model, "onnx", tmp_path / "m.onnx")
