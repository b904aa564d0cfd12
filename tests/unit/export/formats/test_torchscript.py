import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mnistx_export.formats.base import Conversion, format_named
from mnistx_export.model import Model
from mnistx_runtime import InputSpec, Tolerance
from mnistx_runtime.artifact.container import seal
from mnistx_runtime.backends import backend
from mnistx_train.evaluation.inference import DeployedModule


def test_a_torchscript_file_holds_no_debug_files_and_its_batch_is_free(conversion: Conversion, tmp_path: Path) -> None:
    data = format_named("torchscript").write(conversion)[".torchscript"]
    names = zipfile.ZipFile(io.BytesIO(data)).namelist()
    assert not [name for name in names if "debug" in name or "serialization_id" in name]
    path = tmp_path / "m.torchscript"
    model = Model(conversion.deployed.module, conversion.spec, tuple("abcdefg"), "log-probabilities")
    path.write_bytes(
        seal(".torchscript", {".torchscript": data}, model.metadata, model.certificate(Tolerance()))[".torchscript"]
    )
    session = backend("torchscript").load(path, 1)
    for batch in (1, 3):
        images = torch.randint(0, 256, (batch, 1, 28, 28), dtype=torch.uint8)
        np.testing.assert_allclose(session.run(images.numpy()), conversion.deployed(images), atol=1e-5)


class Branch(nn.Module):
    """Takes another way for bright images."""

    def forward(self, x: Tensor) -> Tensor:
        return x[:, 0, 0] if x.mean() > 100 else x[:, 0, 1]


def test_a_branch_that_tracing_would_lose_is_refused() -> None:
    spec = InputSpec(channels=1, height=12, width=16, mean=(0.4,), std=(0.25,))
    deployed = DeployedModule(Branch(), spec, "logits").eval()
    with pytest.raises(Exception, match="data-dependent"):
        format_named("torchscript").write(Conversion(deployed, spec))


def test_what_torch_is_set_to_changes_no_byte(conversion: Conversion) -> None:
    write = format_named("torchscript").write
    plain = write(conversion)
    torch.set_deterministic_debug_mode("error")
    try:
        with torch.backends.cudnn.flags(enabled=False, benchmark=True):
            again = write(conversion)
        assert torch.get_deterministic_debug_mode() == 2
    finally:
        torch.set_deterministic_debug_mode("default")
    assert plain == again
