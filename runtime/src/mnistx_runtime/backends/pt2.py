"""torch.export's archive, PyTorch's successor of TorchScript, run as the graph that it holds."""

import json
from typing import Any

from mnistx_runtime.backends import existing_file, missing
from mnistx_runtime.backends.torch_session import PROPS_FILE, TorchSession, imported_torch
from mnistx_runtime.errors import ArtifactError
from mnistx_runtime.quiet import quiet


class Pt2:
    """Loads .pt2 files."""

    def check(self) -> str | None:
        """See `Backend.check`."""
        return missing("pt2", "torch")

    def load(self, model: Any, threads: int) -> TorchSession:  # noqa: ARG002
        """See `Backend.load`; torch's thread pool belongs to the whole process and is left to the caller."""
        torch = imported_torch()
        path = existing_file(model, "pt2")
        extra = {PROPS_FILE: ""}
        try:
            with quiet():
                program = torch.export.load(path, extra_files=extra)
            return TorchSession(program.module(), dict(json.loads(extra[PROPS_FILE] or "{}")), "exported program")
        except Exception as error:  # its reader raises whatever a damaged archive makes it stumble over
            raise ArtifactError(f"{path} is not a readable torch.export archive (damaged or cut off)") from error
