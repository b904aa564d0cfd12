"""OpenVINO on the CPU, in float32: its default precision on a CPU that knows bfloat16 differs by 0.2."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistx_runtime.artifact.metadata import INPUT, OUTPUT
from mnistx_runtime.backends import existing_file, in_chunks, missing
from mnistx_runtime.errors import ArtifactError, BackendUnavailable

CHUNK = 64
SECTION = "mnistx"  # of rt_info
CONFIG = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": "1", "NUM_STREAMS": "1"}


class OpenVino:
    """Loads .xml files, with the .bin file beside them."""

    def check(self) -> str | None:
        """See `Backend.check`."""
        return missing("openvino", "openvino")

    def load(self, model: Any, threads: int) -> "OpenVinoSession":  # noqa: ARG002
        """See `Backend.load`; it computes on one thread."""
        try:
            import openvino
        except (ImportError, OSError) as error:
            raise BackendUnavailable(f"openvino is installed and can't be loaded: {error}") from error
        path = existing_file(model, "openvino")
        weights = path.with_suffix(".bin")
        if not weights.is_file():
            raise ArtifactError(f"{path}: {weights.name} is missing beside it")
        try:
            core = openvino.Core()
            network = core.read_model(path.read_bytes(), weights.read_bytes())
            props = {name: str(value.astype(str)) for name, value in _section(network).items()}
            compiled = core.compile_model(network, "CPU", CONFIG)
            return OpenVinoSession(
                compiled.create_infer_request(), props, compiled.output(OUTPUT), compiled.input(INPUT)
            )
        except (RuntimeError, TypeError, AttributeError) as error:
            raise ArtifactError(f"{path} is not a readable OpenVINO model of mnistx's (foreign or damaged)") from error


def _section(network: Any) -> Mapping[str, Any]:
    info = network.get_rt_info()
    return dict(info[SECTION]) if SECTION in info else {}


class OpenVinoSession:
    """A model compiled for this CPU."""

    def __init__(self, request: Any, props: Mapping[str, str], output: Any, image: Any) -> None:
        """Keep an `openvino.InferRequest`, the properties, and the ports of the interface."""
        self._request, self._output, self._image = request, output, image
        self.props = props

    def run(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See `Session.run`."""
        return in_chunks(self._run, images, CHUNK)

    def _run(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        found = self._request.infer({self._image: images}, share_inputs=True)[self._output]
        return np.array(found)
