"""The models that a server answers with: each is held to its certificate, and to the trusted keys, before it is run."""

from collections.abc import Sequence
from pathlib import Path

from mnistx_runtime.backends import CRASHING, artifact_for, chunk_of, runtime_of
from mnistx_runtime.batch import spec_key
from mnistx_runtime.bundled import BUNDLED
from mnistx_runtime.errors import ArtifactError, BadInput, VerificationFailed
from mnistx_runtime.predictor import Predictor

PLATFORMS = {"ort": "onnxruntime_onnx"}
"""What Triton calls a runtime; others have no name of its."""


class ServedModel:
    """A model that is loaded.

    Attributes:
        name: in addresses: its file's, without the ending.
        runtime: that runs it.
        platform: as the protocol names it.
        predictor: it, loaded.
        key: of its input, see `spec_key`.
        failure: what it failed with while it was served; a model that did is not ready any more.
    """

    def __init__(self, path: Path, allow_foreign: bool = False) -> None:
        """Read, verify and load a model; what is verified is what is loaded.

        Args:
            path: of its file.
            allow_foreign: see `Artifact`.

        Raises:
            ArtifactError, BackendUnavailable, UntrustedModel: it can't be loaded, or may not be.
            VerificationFailed: it isn't what was exported.
        """
        self.name, self.runtime = path.stem, runtime_of(path)
        self.platform = PLATFORMS.get(self.runtime, f"mnistx_{self.runtime}")
        self.failure = ""
        if self.runtime == "torch":
            raise ArtifactError(f"{path} is a checkpoint, which has no certificate; export it, and serve that")
        self.predictor = _load_verified(path, self.runtime, allow_foreign)
        self.key = spec_key(self.predictor.metadata.input)

    def batch_size(self, most: int) -> int:
        """Images in a batch: at most `most`, and fewer where they are large."""
        return chunk_of(self.predictor.metadata.input.shape, most)


def _load_verified(path: Path, runtime: str, allow_foreign: bool) -> Predictor:
    from mnistx_runtime.artifact.verification import verify_opened

    opened = artifact_for(path, runtime, allow_foreign)
    found = verify_opened(opened, runtime)
    if not found.passed:
        raise VerificationFailed(found.lines()[0])
    return Predictor(opened, runtime, 1, isolated=runtime in CRASHING)


def load_models(paths: Sequence[Path], allow_foreign: bool = False) -> dict[str, ServedModel]:
    """Models by name, the first one first; the bundled one where none is named.

    Raises:
        BadInput: two have the same name.
        MnistxError: see `ServedModel`.
    """
    names = [path.stem for path in paths]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise BadInput(f"two models are called {twice}: they are served by their files' names, without the ending")
    found = [ServedModel(path, allow_foreign) for path in paths or [BUNDLED]]
    return {model.name: model for model in found}
