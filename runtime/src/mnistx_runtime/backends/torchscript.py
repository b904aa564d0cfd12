"""TorchScript, for machines that have torch anyway. PyTorch deprecates the format; it still loads and runs."""

import json
import warnings
from typing import Any

from mnistx_runtime.backends import existing_file, missing
from mnistx_runtime.backends.torch_session import PROPS_FILE, TorchSession, imported_torch
from mnistx_runtime.errors import ArtifactError


class TorchScript:
    """Loads .torchscript files."""

    def check(self) -> str | None:
        """See `Backend.check`."""
        return missing("torchscript", "torch")

    def load(self, model: Any, threads: int) -> TorchSession:  # noqa: ARG002
        """See `Backend.load`; torch's thread pool belongs to the whole process and is left to the caller."""
        torch = imported_torch()
        path = existing_file(model, "torchscript")
        extra = {PROPS_FILE: ""}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                module = torch.jit.load(str(path), map_location="cpu", _extra_files=extra)
            return TorchSession(module, dict(json.loads(extra[PROPS_FILE] or "{}")), "TorchScript model")
        except (RuntimeError, ValueError, TypeError) as error:
            raise ArtifactError(f"{path} is not a readable TorchScript model (damaged or cut off)") from error
