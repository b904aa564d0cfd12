"""ncnn on the CPU, in float32. Its models take float pixels and give logits: log-softmax in ncnn isn't finite."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistx_runtime.artifact.container import Artifact
from mnistx_runtime.artifact.ncnn_check import check_ncnn
from mnistx_runtime.backends import ArtifactSession, artifact_for, in_chunks
from mnistx_runtime.errors import ArtifactError, BackendUnavailable, describe_error
from mnistx_runtime.registry import missing
from mnistx_runtime.system.quiet import quiet

ROUNDING = (
    "use_fp16_packed",
    "use_fp16_storage",
    "use_fp16_arithmetic",
    "use_bf16_storage",
    "use_winograd_convolution",
)
"""Options that are on by default, and round to 16 bits; or, Winograd's convolution, cost a digit of float32."""


class Ncnn:
    """Loads .param files, with the .bin and the .json file beside them."""

    def check(self) -> str | None:
        """See `Backend.check`."""
        return missing("ncnn", "ncnn")

    def load(self, model: Any, threads: int) -> "NcnnSession":  # noqa: ARG002
        """See `Backend.load`; it computes on one thread."""
        try:
            import ncnn
        except (ImportError, OSError) as error:
            raise BackendUnavailable(f"ncnn is installed and can't be loaded: {describe_error(error)}") from error
        artifact = artifact_for(model, "ncnn").require_as_exported()
        path = artifact.path
        if not artifact.allow_foreign:
            check_ncnn(artifact.parts["graph"], len(artifact.parts["weights"]), str(path))
        net = ncnn.Net()
        net.opt.num_threads = 1
        for option in ROUNDING:
            setattr(net.opt, option, False)
        try:
            with artifact.stage() as staged:
                loaded = _load(net, staged)
        except OSError as error:
            raise BackendUnavailable(f"ncnn reads files alone, and none can be written: {error}") from error
        if not loaded:
            raise ArtifactError(f"{path} is not a readable ncnn model")
        return NcnnSession(artifact, net, ncnn.Mat)


def _load(net: Any, path: Path) -> bool:
    with quiet():
        return bool(net.load_param(str(path)) == 0 and net.load_model(str(path.with_suffix(".bin"))) == 0)


class NcnnSession(ArtifactSession):
    """A model in ncnn; one image a run."""

    def __init__(self, artifact: Artifact, net: Any, mat: Any) -> None:
        """Keep the artifact, an `ncnn.Net`, and the class `ncnn.Mat`."""
        super().__init__(artifact)
        self._net, self._mat = net, mat

    def run(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See `Session.run`."""
        logits = in_chunks(self._logits, images, 1).astype(np.float64)
        logits -= logits.max(1, keepdims=True)
        log_probs: NDArray[np.float32] = (logits - np.log(np.exp(logits).sum(1, keepdims=True))).astype(np.float32)
        return log_probs

    def _logits(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        pixels = images[0].astype(np.float32)
        extractor = self._net.create_extractor()
        extractor.input("in0", self._mat(pixels).clone())  # a Mat made of an array neither copies nor keeps it
        _, found = extractor.extract("out0")
        return np.array(found, np.float32).reshape(1, -1)
