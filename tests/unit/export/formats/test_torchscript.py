import pytest
from torch import Tensor, nn

from mnistx_export.formats.base import Conversion, format_named
from mnistx_runtime import InputSpec
from mnistx_train.inference import DeployedModule

SPEC = InputSpec(channels=1, height=12, width=16, mean=(0.4,), std=(0.25,))


class Branch(nn.Module):
    """Takes another way for bright images."""

    def forward(self, x: Tensor) -> Tensor:
        return x[:, 0, 0] if x.mean() > 100 else x[:, 0, 1]


def test_a_branch_that_tracing_would_lose_is_refused() -> None:
    deployed = DeployedModule(Branch(), SPEC, "logits").eval()
    with pytest.raises(Exception, match="data-dependent"):
        format_named("torchscript").write(Conversion(deployed, SPEC))
