"""The models that a server answers with: each is held to its certificate, and to the trusted keys, before it is run."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from mnistx_runtime.artifact.container import Artifact
from mnistx_runtime.artifact.metadata import Metadata
from mnistx_runtime.backends import artifact_for, backend, runtime_of
from mnistx_runtime.batch import spec_key
from mnistx_runtime.bundled import BUNDLED
from mnistx_runtime.errors import ArtifactError, BadInput, VerificationFailed
from mnistx_runtime.serve.protocol import Takes

PLATFORMS = {"ort": "onnxruntime_onnx"}
"""What Triton calls a runtime; others have no name of its."""


@dataclass
class ServedModel:
    """A model that was verified.

    Args:
        name: in addresses: its file's, without the ending.
        runtime: that runs it.
        artifact: its files, as they were verified.
        failure: what it failed with when it was last asked; a model that did is not ready.
    """

    name: str
    runtime: str
    artifact: Artifact
    failure: str = ""

    @cached_property
    def metadata(self) -> Metadata:
        """What it says of itself."""
        return self.artifact.metadata

    @cached_property
    def takes(self) -> Takes:
        """What it takes and gives, as requests are held to it."""
        return Takes(self.name, self.metadata.input.shape, len(self.metadata.names))

    @cached_property
    def key(self) -> str:
        """Of its input, see `spec_key`."""
        return spec_key(self.metadata.input)

    @property
    def platform(self) -> str:
        """What runs it, as the protocol names it."""
        return PLATFORMS.get(self.runtime, f"mnistx_{self.runtime}")


def load_model(path: Path, allow_foreign: bool = False) -> ServedModel:
    """Read and verify a model; what is verified is what will be run.

    Args:
        path: of its file.
        allow_foreign: see `Artifact`.

    Raises:
        ArtifactError, BackendUnavailable, UntrustedModel: it can't be loaded, or may not be.
        VerificationFailed: it isn't what was exported.
    """
    from mnistx_runtime.artifact.verification import verify_opened

    runtime = runtime_of(path)
    if runtime == "torch":
        raise ArtifactError(f"{path} is a checkpoint, which has no certificate; export it, and serve that")
    opened = artifact_for(path, runtime, allow_foreign)
    backend(runtime, opened)
    found = verify_opened(opened, runtime)
    if not found.passed:
        raise VerificationFailed(found.lines()[0])
    return ServedModel(path.stem, runtime, opened)


def load_models(paths: Sequence[Path], allow_foreign: bool = False) -> dict[str, ServedModel]:
    """Models by name, the first one first; the bundled one where none is named.

    Raises:
        BadInput: two have the same name.
        MnistxError: see `load_model`.
    """
    names = [path.stem for path in paths]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise BadInput(f"two models are called {twice}: they are served by their files' names, without the ending")
    found = [load_model(path, allow_foreign) for path in paths or [BUNDLED]]
    return {model.name: model for model in found}
