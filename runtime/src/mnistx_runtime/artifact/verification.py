"""Is this file still the model that was trained? Answered by what lies inside it, without torch."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mnistx_runtime.artifact.metadata import DIGEST, Metadata, props_sha256, weights_sha256
from mnistx_runtime.artifact.onnx_file import props_and_weights
from mnistx_runtime.artifact.parity import Parity, compare
from mnistx_runtime.backends import backend, runtime_of


@dataclass(frozen=True)
class Verification:
    """What `verify` found.

    Args:
        source: the file.
        runtime: the runtime that answered the golden images.
        parity: its answers beside those of the certificate, one at a time or all at once, whichever is worse.
        metadata: "match" or "differ" from its own digest: class names that were swapped change no answer.
        own: of reduced precision, its answers beside those that it gave when it was exported: a far narrower check.
        weights: "match" or "differ" from their sha256: the trained weights', or those that were rounded from them in
            reduced precision; "unread" where the format doesn't show them.
    """

    source: str
    runtime: str
    parity: Parity
    weights: str
    metadata: str
    own: Parity | None = None

    @property
    def passed(self) -> bool:
        """The answers are within the tolerance, and neither weights nor metadata differ."""
        answers = self.parity.passed and (self.own is None or self.own.passed)
        return answers and "differ" not in (self.weights, self.metadata)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values, `passed` among them."""
        return {
            "source": self.source,
            "runtime": self.runtime,
            "passed": self.passed,
            "weights": self.weights,
            "metadata": self.metadata,
            "parity": self.parity.to_dict(),
            "own": self.own.to_dict() if self.own else None,
        }

    def lines(self) -> list[str]:
        """What to tell a person."""
        verdict = "is the trained model" if self.passed else "IS NOT THE TRAINED MODEL"
        return [f"{self.source}: {verdict} ({self.runtime})", *self.details()]

    def details(self) -> list[str]:
        """The same without the verdict."""
        own = [f"  its own answers when it was exported: {self.own}"] if self.own else []
        return [f"  golden images: {self.parity}", *own, f"  weights: {self.weights}, metadata: {self.metadata}"]


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
    both = (alone, together)
    promised = slice(certificate.drawn or None)
    expected = certificate.log_probs[promised]
    trained = [compare(answers[promised], expected, certificate.atol, certificate.changed) for answers in both]
    own = [compare(a, certificate.own, certificate.own_atol) for a in both if certificate.own is not None]
    return Verification(
        source=str(path),
        runtime=runtime,
        parity=_worse(trained),
        weights=_weights(path, metadata.weights_sha256 if certificate.own is None else certificate.own_weights),
        metadata="match" if session.props.get(DIGEST) == props_sha256(session.props) else "differ",
        own=_worse(own) if own else None,
    )


def _worse(parities: list[Parity]) -> Parity:
    return max(parities, key=lambda parity: (parity.changed, parity.max_abs))


def _weights(path: Path, expected: str) -> str:
    if path.suffix != ".onnx":
        return "unread"
    _, weights = props_and_weights(path.read_bytes(), str(path))
    if not weights:
        return "unread"
    return "match" if weights_sha256(weights) == expected else "differ"
