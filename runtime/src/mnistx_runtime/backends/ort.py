"""ONNX Runtime on the CPU."""

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistx_runtime.artifact.metadata import INPUT, OUTPUT, SIDE
from mnistx_runtime.backends import existing_file
from mnistx_runtime.errors import ArtifactError, BackendUnavailable

CHUNK = 64  # images a run: throughput rises little beyond, memory rises in step


class Ort:
    """Loads .onnx and .ort files, or takes a caller's own `onnxruntime.InferenceSession`."""

    def check(self) -> str | None:
        """See `Backend.check`."""
        return None if find_spec("onnxruntime") else "onnxruntime is missing: pip install onnxruntime"

    def load(self, model: Any, threads: int) -> "OrtSession":
        """See `Backend.load`; a session of the caller's own is used as it is."""
        try:
            import onnxruntime as ort
        except (ImportError, OSError) as error:
            raise BackendUnavailable(f"onnxruntime is installed and can't be loaded: {error}") from error
        if isinstance(model, ort.InferenceSession):
            return OrtSession(model, threads, "the session")
        path = existing_file(model, "ort")
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        data = path.read_bytes()
        try:
            session = ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        except Exception as error:
            reason = str(error).partition("\n")[0].rpartition(" : ")[2]
            raise ArtifactError(f"{path} is not a readable ONNX model: {reason}") from error
        return OrtSession(session, threads, str(path))


class OrtSession:
    """A model in ONNX Runtime: each run computes on one thread, large batches run as chunks side by side."""

    def __init__(self, session: Any, threads: int, source: str) -> None:
        """Check the model's interface and keep the session.

        Raises:
            ArtifactError: it isn't `image` uint8 (N, 1, 28, 28) -> `log_probs` float32 (N, classes).
        """
        interface = [(i.name, i.type, i.shape[1:]) for i in session.get_inputs()]
        outputs = [(o.name, o.type) for o in session.get_outputs()]
        fixed = any(isinstance(i.shape[0], int) for i in session.get_inputs())
        if interface != [(INPUT, "tensor(uint8)", [1, SIDE, SIDE])] or outputs != [(OUTPUT, "tensor(float)")] or fixed:
            found = ", ".join(f"{i.name} {i.type} {i.shape}" for i in session.get_inputs())
            raise ArtifactError(
                f"{source} takes {found}; mnistx runs models that take {INPUT} tensor(uint8) "
                f"[N, 1, {SIDE}, {SIDE}] and give {OUTPUT}, as `mnistx export` writes them"
            )
        self._session = session
        self._threads = threads

    @property
    def props(self) -> Mapping[str, str]:
        """See `Session.props`."""
        found: dict[str, str] = self._session.get_modelmeta().custom_metadata_map
        return found

    def run(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See `Session.run`."""
        if len(images) <= CHUNK:
            return self._run(images)
        chunks = [images[at : at + CHUNK] for at in range(0, len(images), CHUNK)]
        if self._threads == 1:
            return np.concatenate([self._run(chunk) for chunk in chunks])
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(self._threads) as pool:
            return np.concatenate(list(pool.map(self._run, chunks)))

    def _run(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        found: NDArray[np.float32] = self._session.run([OUTPUT], {INPUT: images})[0]
        return found
