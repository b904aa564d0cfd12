"""OpenVINO on the CPU, in float32: its default precision on a CPU that knows bfloat16 differs by 0.2."""

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistx_runtime.artifact.container import Artifact
from mnistx_runtime.artifact.metadata import INPUT, OUTPUT
from mnistx_runtime.artifact.openvino_check import check_openvino
from mnistx_runtime.backends import ArtifactSession, artifact_for, chunk_of, in_chunks
from mnistx_runtime.errors import ArtifactError, BackendUnavailable, describe_error
from mnistx_runtime.registry import missing

CONFIG = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": "1", "NUM_STREAMS": "1"}

_TELEMETRY = "openvino_telemetry"


def import_openvino() -> Any:
    """The package openvino, which tells its maker of each import where it finds `openvino_telemetry`: it doesn't.

    Raises:
        BackendUnavailable: it's installed and can't be loaded.
    """
    found = sys.modules.get(_TELEMETRY)
    sys.modules[_TELEMETRY] = None  # type: ignore[assignment]
    try:
        import openvino
    except (ImportError, OSError) as error:
        raise BackendUnavailable(f"openvino is installed and can't be loaded: {describe_error(error)}") from error
    finally:
        del sys.modules[_TELEMETRY]
        if found is not None:
            sys.modules[_TELEMETRY] = found
    return openvino


class OpenVino:
    """Loads .xml files, with the .bin file beside them."""

    def check(self) -> str | None:
        """See `Backend.check`."""
        return missing("openvino", "openvino")

    def load(self, model: Any, threads: int) -> "OpenVinoSession":  # noqa: ARG002
        """See `Backend.load`; it computes on one thread."""
        openvino = import_openvino()
        artifact = artifact_for(model, "openvino")
        path = artifact.path
        if not artifact.allow_foreign:
            check_openvino(artifact.parts["graph"], len(artifact.parts["weights"]), str(path))
        try:
            core = openvino.Core()
            network = core.read_model(artifact.parts["graph"], artifact.parts["weights"])
            compiled = core.compile_model(network, "CPU", CONFIG)
            image, answers = compiled.input(INPUT), compiled.output(OUTPUT)
            request = compiled.create_infer_request()
        except (RuntimeError, TypeError, AttributeError) as error:
            raise ArtifactError(f"{path} is not a readable OpenVINO model of mnistx's (foreign or damaged)") from error
        return OpenVinoSession(artifact, request, answers, image)


class OpenVinoSession(ArtifactSession):
    """A model compiled for this CPU."""

    def __init__(self, artifact: Artifact, request: Any, output: Any, image: Any) -> None:
        """Keep the artifact, an `openvino.InferRequest`, and the ports of the interface."""
        super().__init__(artifact)
        self._request, self._output, self._image = request, output, image

    def run(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See `Session.run`."""
        return in_chunks(self._run, images, chunk_of(images.shape[1:]))

    def _run(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        try:
            with self._alone:
                return np.array(self._request.infer({self._image: images}, share_inputs=True)[self._output])
        except RuntimeError as error:
            reason = str(error).strip().rpartition("\n")[2]
            raise ArtifactError(f"the OpenVINO model doesn't take and give what mnistx's do: {reason}") from error
