"""TorchScript, for machines that have torch anyway. PyTorch deprecates the format; it still loads and runs."""

import io
import warnings
from typing import Any

from mnistx_runtime.artifact.archive import read_archive
from mnistx_runtime.artifact.torch_archive import check_torchscript
from mnistx_runtime.backends import artifact_for
from mnistx_runtime.backends.torch_session import TorchSession, import_torch
from mnistx_runtime.errors import ArtifactError
from mnistx_runtime.registry import missing


class TorchScript:
    """Loads .torchscript files."""

    def check(self) -> str | None:
        """See `Backend.check`."""
        return missing("torchscript", "torch")

    def load(self, model: Any, threads: int) -> TorchSession:
        """See `Backend.load`."""
        artifact = artifact_for(model, "torchscript").require_as_exported()
        check_torchscript(read_archive(artifact.files[".torchscript"], str(artifact.path)), str(artifact.path))
        torch = import_torch()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                module = torch.jit.load(io.BytesIO(artifact.files[".torchscript"]), map_location="cpu")
            return TorchSession(artifact, module, threads, "TorchScript model")
        except (RuntimeError, ValueError, TypeError) as error:
            raise ArtifactError(f"{artifact.path} is not a readable TorchScript model (damaged)") from error
