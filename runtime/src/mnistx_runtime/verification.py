"""Is this file still the model that was trained? Answered by what lies inside it, without torch."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mnistx_runtime.artifact import Metadata, weights_sha256
from mnistx_runtime.backends import backend, runtime_of
from mnistx_runtime.onnx_file import props_and_weights
from mnistx_runtime.parity import Parity, compare


@dataclass(frozen=True)
class Verification:
    """What `verify` found.

    Args:
        source: the file.
        runtime: the runtime that answered the golden images.
        parity: its answers beside those of the certificate.
        weights: "match" or "differ" from the trained weights' sha256; "unread" where the format doesn't show them.
    """

    source: str
    runtime: str
    parity: Parity
    weights: str

    @property
    def passed(self) -> bool:
        """The answers are within the tolerance and no weight differs."""
        return self.parity.passed and self.weights != "differ"

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values, `passed` among them."""
        return {
            "source": self.source,
            "runtime": self.runtime,
            "passed": self.passed,
            "weights": self.weights,
            "parity": self.parity.to_dict(),
        }


def verify(artifact: str | Path) -> Verification:
    """Run an artifact's golden images and compare its answers and weights with its certificate.

    Args:
        artifact: a file that `mnistx export` wrote; its ending names the runtime.

    Raises:
        ArtifactError: the file is missing, damaged, or carries no certificate.
        BackendUnavailable: its runtime can't run here.

    >>> from mnistx_runtime.predictor import BUNDLED
    >>> verify(BUNDLED).passed
    True
    """
    path = Path(artifact)
    runtime = runtime_of(path)
    session = backend(runtime).load(path, threads=1)
    metadata = Metadata.from_props(session.props, str(path))
    certificate = metadata.certificate
    alone = np.concatenate([session.run(image[None]) for image in certificate.images])
    together = session.run(certificate.images)
    answers = np.concatenate([alone, together])
    reference = np.concatenate([certificate.log_probs] * 2)
    return Verification(
        source=str(path),
        runtime=runtime,
        parity=compare(answers, reference, certificate.atol),
        weights=_weights(path, metadata.weights_sha256),
    )


def _weights(path: Path, expected: str) -> str:
    if path.suffix != ".onnx":
        return "unread"
    _, weights = props_and_weights(path.read_bytes(), str(path))
    if not weights:
        return "unread"
    return "match" if weights_sha256(weights) == expected else "differ"
