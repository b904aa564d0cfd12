"""Pages, whose WebAssembly wasmtime runs: the very model that a browser runs, without one."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistx_runtime.artifact.container import Artifact
from mnistx_runtime.artifact.wasm import read_wasm
from mnistx_runtime.backends import ArtifactSession, artifact_for
from mnistx_runtime.errors import ArtifactError, describe_error
from mnistx_runtime.registry import missing

_MEMORY = 1 << 28  # bytes that a model may ask for
_FUNCTIONS = ("image", "log_probs", "predict")


class Web:
    """Loads .html files that `mnistx export` wrote. Nothing of their scripts is run."""

    def check(self) -> str | None:
        """See `Backend.check`."""
        return missing("web", "wasmtime")

    def load(self, model: Any, threads: int) -> "WebSession":  # noqa: ARG002
        """See `Backend.load`; it computes on one thread."""
        import wasmtime

        artifact = artifact_for(model, "web")
        wasm = read_wasm(artifact.files, str(artifact.path))
        config = wasmtime.Config()
        config.memory_reservation = _MEMORY
        config.memory_guard_size = 0
        store = wasmtime.Store(wasmtime.Engine(config))
        store.set_limits(memory_size=_MEMORY, instances=1, memories=1)
        try:
            module = wasmtime.Module(store.engine, wasm.module())
            exports = wasmtime.Instance(store, module, []).exports(store)
            return WebSession(artifact, store, exports)
        except (wasmtime.WasmtimeError, wasmtime.Trap, LookupError, TypeError, ValueError) as error:
            raise ArtifactError(f"{artifact.path} holds no WebAssembly of mnistx's: {describe_error(error)}") from error


class WebSession(ArtifactSession):
    """An instance of the module; one image a call."""

    def __init__(self, artifact: Artifact, store: Any, exports: Any) -> None:
        """Keep the instance, and find where its image and its answers lie."""
        super().__init__(artifact)
        self._store, self._memory = store, exports["memory"]
        image, log_probs, self._predict = (exports[name] for name in _FUNCTIONS)
        self._image, self._log_probs = image(store), log_probs(store)
        self._answer = 4 * len(self.metadata.names)

    def run(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See `Session.run`; calls from several threads take turns, as there is one memory."""
        import wasmtime

        answers = np.empty((len(images), len(self.metadata.names)), "<f4")
        try:
            with self._alone:
                for image, answer in zip(np.ascontiguousarray(images, np.uint8), answers, strict=True):
                    self._memory.write(self._store, image.tobytes(), self._image)
                    if self._predict(self._store):
                        raise ArtifactError(f"{self._artifact.path} refused its own workspace")
                    read = self._memory.read(self._store, self._log_probs, self._log_probs + self._answer)
                    answer[:] = np.frombuffer(read, "<f4")
        except (wasmtime.WasmtimeError, wasmtime.Trap, IndexError, TypeError, ValueError) as error:
            raise ArtifactError(f"{self._artifact.path} can't be run: {describe_error(error)}") from error
        return answers.astype(np.float32)
