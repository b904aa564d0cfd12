"""LiteRT, which was TensorFlow Lite, on the CPU through XNNPACK."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistx_runtime.artifact.container import Artifact
from mnistx_runtime.artifact.metadata import INPUT, OUTPUT
from mnistx_runtime.artifact.tflite_check import check_tflite
from mnistx_runtime.backends import ArtifactSession, artifact_for, in_chunks
from mnistx_runtime.errors import ArtifactError, BackendUnavailable, describe_error
from mnistx_runtime.registry import missing
from mnistx_runtime.system.quiet import quiet


class LiteRt:
    """Loads .tflite files."""

    def check(self) -> str | None:
        """See `Backend.check`."""
        return missing("litert", "ai_edge_litert")

    def load(self, model: Any, threads: int) -> "LiteRtSession":  # noqa: ARG002
        """See `Backend.load`; it computes on one thread."""
        try:
            from ai_edge_litert.interpreter import Interpreter
        except (ImportError, OSError) as error:
            raise BackendUnavailable(
                f"ai-edge-litert is installed and can't be loaded: {describe_error(error)}"
            ) from error
        artifact = artifact_for(model, "litert").require_as_exported()
        path, data = artifact.path, artifact.parts["model"]
        if not artifact.allow_foreign:
            check_tflite(data, str(path))
        try:
            with quiet():
                interpreter = Interpreter(model_content=data, num_threads=1)
                interpreter.allocate_tensors()
            signature = interpreter.get_signature_runner()
            (image,), (answers,) = signature.get_input_details().items(), signature.get_output_details().items()
            found = (image[0], image[1]["dtype"], [*image[1]["shape"]], answers[0], answers[1]["dtype"])
        except (RuntimeError, ValueError) as error:
            raise ArtifactError(f"{path} is not a readable TFLite model: {describe_error(error)}") from error
        if found != (INPUT, np.uint8, [1, *artifact.metadata.input.shape], OUTPUT, np.float32):
            raise ArtifactError(f"{path} takes {found}, which is not what mnistx's models take and give")
        return LiteRtSession(artifact, interpreter)


class LiteRtSession(ArtifactSession):
    """A model in LiteRT's interpreter; its batch is fixed at one image."""

    def __init__(self, artifact: Artifact, interpreter: Any) -> None:
        """Keep the artifact and an `Interpreter` with its tensors allocated."""
        super().__init__(artifact)
        self._interpreter = interpreter
        self._image = interpreter.get_input_details()[0]["index"]
        self._output = interpreter.get_output_details()[0]["index"]

    def run(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See `Session.run`."""
        return in_chunks(self._run, images, 1)

    def _run(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        try:
            with self._alone:
                self._interpreter.set_tensor(self._image, image)
                self._interpreter.invoke()
                found: NDArray[np.float32] = self._interpreter.get_tensor(self._output)
        except (RuntimeError, ValueError) as error:
            reason = describe_error(error)
            raise ArtifactError(f"the TFLite model doesn't take and give what mnistx's do: {reason}") from error
        return found
