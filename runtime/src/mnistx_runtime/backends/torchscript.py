"""TorchScript, for machines that have torch anyway. PyTorch deprecates the format; it still loads and runs."""

import json
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistx_runtime.backends import existing_file, missing
from mnistx_runtime.errors import ArtifactError, BackendUnavailable

CHUNK = 256
PROPS_FILE = "mnistx.json"


class TorchScript:
    """Loads .torchscript files."""

    def check(self) -> str | None:
        """See `Backend.check`."""
        return missing("torchscript", "torch")

    def load(self, model: Any, threads: int) -> "TorchScriptSession":  # noqa: ARG002
        """See `Backend.load`; torch's thread pool belongs to the whole process and is left to the caller."""
        try:
            import torch
        except (ImportError, OSError, RuntimeError) as error:
            raise BackendUnavailable(f"torch is installed and can't be loaded: {error}") from error
        path = existing_file(model, "torchscript")
        extra = {PROPS_FILE: ""}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                module = torch.jit.load(  # type: ignore[no-untyped-call]
                    str(path), map_location="cpu", _extra_files=extra
                )
            props = dict(json.loads(extra[PROPS_FILE] or "{}"))
        except (RuntimeError, ValueError, TypeError) as error:
            raise ArtifactError(f"{path} is not a readable TorchScript model (damaged or cut off)") from error
        return TorchScriptSession(module, props)


class TorchScriptSession:
    """A model in TorchScript's interpreter."""

    def __init__(self, module: Any, props: Mapping[str, str]) -> None:
        """Keep a loaded `torch.jit.ScriptModule` and the properties that came with it."""
        self._module = module
        self.props = props

    def run(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See `Session.run`."""
        import torch

        chunks = [images[at : at + CHUNK] for at in range(0, len(images), CHUNK)]
        try:
            with torch.inference_mode():
                return np.concatenate([self._module(torch.from_numpy(chunk)).numpy() for chunk in chunks])
        except (RuntimeError, AttributeError, IndexError) as error:
            raise ArtifactError(f"the TorchScript model doesn't take and give what mnistx's do: {error}") from error
