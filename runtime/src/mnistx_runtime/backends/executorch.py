"""ExecuTorch on the CPU through XNNPACK."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistx_runtime.artifact.container import Artifact
from mnistx_runtime.artifact.pte_check import check_pte
from mnistx_runtime.backends import ArtifactSession, artifact_for, chunk_of, in_chunks
from mnistx_runtime.errors import ArtifactError, BackendUnavailable, describe_error
from mnistx_runtime.registry import missing
from mnistx_runtime.system.quiet import quiet


class ExecuTorch:
    """Loads .pte files."""

    def check(self) -> str | None:
        """See `Backend.check`; ExecuTorch's Python bindings need torch."""
        return missing("executorch", "executorch", "torch")

    def load(self, model: Any, threads: int) -> "ExecuTorchSession":  # noqa: ARG002
        """See `Backend.load`; it computes on one thread, all that its pool is left, which the process shares."""
        artifact = artifact_for(model, "executorch").require_as_exported()
        path, data = artifact.path, artifact.parts["model"]
        if not artifact.allow_foreign:
            check_pte(data, str(path))
        try:
            with quiet():
                from executorch.extension.pybindings import portable_lib
                from executorch.runtime import Runtime

                if portable_lib._threadpool_get_thread_count() != 1:
                    portable_lib._unsafe_reset_threadpool(1)  # unsafe while a model runs; of ours, none runs before
        except (ImportError, OSError, RuntimeError) as error:
            raise BackendUnavailable(f"executorch is installed and can't be loaded: {describe_error(error)}") from error
        try:
            with quiet():
                program = Runtime.get().load_program(data)
                return ExecuTorchSession(artifact, program.load_method("forward"), (program, data))
        except (RuntimeError, ValueError, AttributeError, KeyError) as error:
            raise ArtifactError(f"{path} is not a readable ExecuTorch model: {describe_error(error)}") from error


class ExecuTorchSession(ArtifactSession):
    """A method of a loaded program; its batch is free up to the bound that it was exported with."""

    def __init__(self, artifact: Artifact, method: Any, owners: Any) -> None:
        """Keep the artifact, an `executorch.runtime.Method`, and the program and the bytes that it reads."""
        super().__init__(artifact)
        self._method, self._owners = method, owners
        self._bound = method.metadata.input_tensor_meta(0).sizes()[0]

    def run(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See `Session.run`."""
        return in_chunks(self._run, images, chunk_of(images.shape[1:], self._bound))

    def _run(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        import torch

        try:
            with self._alone:
                found: NDArray[np.float32] = self._method.execute([torch.from_numpy(images)])[0].numpy().copy()
        except RuntimeError as error:
            reason = describe_error(error)
            raise ArtifactError(f"the ExecuTorch model doesn't take and give what mnistx's do: {reason}") from error
        return found
