"""torch.export's archive, PyTorch's successor of TorchScript, run as the graph that it holds."""

import io
from typing import Any

from mnistx_runtime.artifact.archive import read_archive
from mnistx_runtime.artifact.torch_archive import check_pt2
from mnistx_runtime.backends import artifact_for
from mnistx_runtime.backends.torch_session import TorchSession, import_torch
from mnistx_runtime.errors import ArtifactError, describe_error
from mnistx_runtime.registry import missing
from mnistx_runtime.system.quiet import quiet


class Pt2:
    """Loads .pt2 files."""

    def check(self) -> str | None:
        """See `Backend.check`."""
        return missing("pt2", "torch")

    def load(self, model: Any, threads: int) -> TorchSession:
        """See `Backend.load`."""
        artifact = artifact_for(model, "pt2").require_as_exported()
        check_pt2(read_archive(artifact.files[".pt2"], str(artifact.path)), str(artifact.path))
        torch = import_torch()
        try:
            with quiet():
                program = torch.export.load(io.BytesIO(artifact.files[".pt2"]))
            return TorchSession(artifact, program.module(), threads, "exported program")
        except ArtifactError:
            raise
        except OSError as error:  # its reader unpacks to a temporary file
            raise ArtifactError(f"{artifact.path} can't be loaded here: {describe_error(error)}") from error
        except Exception as error:  # its reader raises whatever a damaged archive makes it stumble over
            raise ArtifactError(f"{artifact.path} is not a readable torch.export archive (damaged)") from error
