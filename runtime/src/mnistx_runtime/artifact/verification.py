"""Is this file still what was exported? Answered by what lies inside it, without torch."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mnistx_runtime.artifact.certificate import Certificate
from mnistx_runtime.artifact.container import Artifact, open_artifact
from mnistx_runtime.artifact.digests import payload_sha256, weights_sha256
from mnistx_runtime.artifact.metadata import ITSELF, Metadata
from mnistx_runtime.artifact.onnx_file import read_weights
from mnistx_runtime.artifact.parity import Parity, Tolerance, compare
from mnistx_runtime.backends import SUFFIXES, Session, runtime_of
from mnistx_runtime.backends.isolated import isolated_session
from mnistx_runtime.errors import ArtifactError, BadInput

if TYPE_CHECKING:
    from mnistx_runtime.signature.bundle import Signer

MATCH, DIFFER, UNSEEN = "match", "differ", "unseen"


@dataclass(frozen=True)
class Verification:
    """What `verify` found.

    Args:
        source: the file.
        runtime: the runtime that answered the golden images.
        schema: of the file's metadata; 1 holds no digest of the graph.
        reference: whose answers the certificate holds: "module", or "itself" of a file that was sealed as it was.
        parts: of each part of the payload, and of the metadata, whether it is as its digest says: "match", "differ",
            or "unseen" where a file of schema 1 doesn't tell.
        parity: its answers beside those of the certificate, one at a time or all at once, whichever is worse; None
            where the payload differs, as what nobody vouches for is not run.
        own: of reduced precision, its answers beside those that it gave when it was exported: a far narrower check.
        enforced: False where the certificate promises nothing for `parity`: reduced precision, and no golden image that
            looks like what the model was trained on.
        signer: who signed the file, or is only said to have, where nothing names whom to trust; None if nobody did.
    """

    source: str
    runtime: str
    schema: int
    reference: str
    parts: Mapping[str, str]
    parity: Parity | None = None
    own: Parity | None = None
    enforced: bool = True
    signer: "Signer | None" = None

    @property
    def differences(self) -> list[str]:
        """What isn't as it was exported: parts of the payload, "metadata", "answers"."""
        found = [name for name, state in self.parts.items() if state == DIFFER]
        trained = self.parity is None or self.parity.passed or not self.enforced
        answers = trained and (self.own is None or self.own.passed)
        return found if answers else [*found, "answers"]

    @property
    def passed(self) -> bool:
        """It matches its certificate: payload, metadata and answers."""
        return not self.differences

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values, `passed` among them."""
        return {
            "source": self.source,
            "runtime": self.runtime,
            "schema": self.schema,
            "reference": self.reference,
            "passed": self.passed,
            "differences": self.differences,
            "parts": dict(self.parts),
            "parity": self.parity.to_dict() if self.parity else None,
            "own": self.own.to_dict() if self.own else None,
            "enforced": self.enforced,
            "signer": self.signer._asdict() if self.signer else None,
        }

    def lines(self) -> list[str]:
        """What to tell a person."""
        verdict = "matches its certificate"
        if not self.passed:
            one = len(self.differences) == 1 and self.differences[0] not in ("weights", "answers")
            verdict = f"IS NOT WHAT WAS EXPORTED: {' and '.join(self.differences)} {'differs' if one else 'differ'}"
        return [f"{self.source}: {verdict} ({self.runtime})", *self.details()]

    def details(self) -> list[str]:
        """The same without the verdict."""
        lines = []
        if self.parity:
            promised = "" if self.enforced else "; unlike what it was trained on, so nothing is promised"
            lines.append(f"  golden images: {self.parity}{promised}")
        else:
            lines.append("  golden images: not asked, as the file isn't the one that was exported")
        if self.own:
            lines.append(f"  its own answers when it was exported: {self.own}")
        lines.append("  " + ", ".join(f"{name}: {state}" for name, state in self.parts.items()))
        if self.signer:
            lines.append(f"  {self.signer.line()}")
        if self.reference == ITSELF:
            lines.append("  sealed as it was: its answers were never compared with a trained module's")
        if self.schema == 1:
            lines.append("  metadata of schema 1 can't show a changed graph; export it again for one that can")
        return lines


def verify(artifact: str | Path, trust: str | Path | None = None, allow_foreign: bool = False) -> Verification:
    """Compare an artifact's payload, metadata and answers with its certificate.

    Args:
        artifact: a file that `mnistx export` wrote; its ending names the runtime.
        trust: a public key or certificate in PEM, or a folder of them, one of which must have signed it; None for what
            MNISTX_TRUST names. This is checked first: what nobody who is trusted signed is neither parsed nor run.
        allow_foreign: run it even with operators that a classifier doesn't need, such as loops: you trust its maker.

    Raises:
        ArtifactError: the file is missing, damaged, or carries no certificate.
        BackendUnavailable: its runtime can't run here, or signatures can't be checked.
        UntrustedModel: it isn't signed as `trust` asks.
        BadInput: `artifact` is no path, or `trust` names no key.

    >>> from mnistx_runtime.bundled import BUNDLED
    >>> verify(BUNDLED).passed
    True
    """
    try:
        path, keys = Path(artifact), None if trust is None else Path(trust)
    except TypeError as error:
        named = ", ".join(type(each).__name__ for each in (artifact, trust) if not isinstance(each, str | Path | None))
        raise BadInput(f"an artifact is named by its path, not by {named}") from error
    runtime = runtime_of(path)
    if runtime == "torch":
        raise ArtifactError(
            f"{path} is a checkpoint, which needs no certificate; `mnistx compare` holds artifacts to it"
        )
    from mnistx_runtime.signature.trust import find_signer

    opened = open_artifact(path, allow_foreign)
    signer = find_signer(opened, keys)
    opened = replace(opened, signed=signer is not None and signer.trusted_by is not None)
    return replace(verify_opened(opened, runtime), signer=signer)


def verify_opened(opened: Artifact, runtime: str) -> Verification:
    """The whole of `verify` but the signature, of an artifact whose files are read; it runs in a process of its own.

    Args:
        opened: the artifact.
        runtime: that its ending asks for.

    Raises:
        ArtifactError, BackendUnavailable: see `verify`.
    """
    if not opened.is_as_exported:
        return verify_payload(opened)
    with isolated_session(opened, runtime) as session:
        return verify_loaded(opened, session)


def verify_payload(opened: Artifact) -> Verification:
    """Compare an artifact's payload and metadata with their digests; nothing of it is run.

    Raises:
        ArtifactError: it's damaged, or carries no certificate.
    """
    metadata = opened.metadata
    return Verification(
        source=str(opened.path),
        runtime=SUFFIXES.get(opened.path.suffix, ""),
        schema=metadata.schema_version,
        reference=metadata.reference,
        parts=_parts(opened, metadata),
        enforced=opened.certificate.in_distribution != 0,
    )


def verify_loaded(opened: Artifact, session: Session) -> Verification:
    """The whole of `verify`, of an artifact that is loaded already.

    Args:
        opened: the artifact.
        session: of it.
    """
    parity, own = _certificate_parity(session, opened.certificate)
    return replace(verify_payload(opened), parity=parity, own=own)


def _certificate_parity(session: Session, certificate: Certificate) -> tuple[Parity, Parity | None]:
    """A loaded model's answers to the golden images, one at a time or all at once, whichever is worse.

    Returns:
        Beside those of the certificate, and beside the artifact's own, if the certificate holds them.
    """
    alone = np.concatenate([session.run(image[None]) for image in certificate.images])
    together = session.run(certificate.images)
    promised = slice(certificate.in_distribution or None)
    expected = certificate.log_probs[promised]
    both = (alone, together)
    trained = [compare(answers[promised], expected, certificate.tolerance) for answers in both]
    again = Tolerance(certificate.tolerance.own_atol or 0.0, changed=1.0)
    own = [compare(a, certificate.own, again) for a in both if certificate.own is not None]
    return _worse(trained), _worse(own) if own else None


def _worse(parities: list[Parity]) -> Parity:
    return max(parities, key=lambda parity: (not parity.passed, parity.changed, parity.max_abs))


def _parts(opened: Artifact, metadata: Metadata) -> dict[str, str]:
    """What each digest in the metadata says of what is there."""
    sealed, found = metadata.payload_parts, opened.part_digests
    if metadata.payload_sha256:
        states = {name: MATCH if sealed.get(name) == found.get(name) else DIFFER for name in {**sealed, **found}}
        vouched = payload_sha256(sealed) == metadata.payload_sha256
        states = states if vouched else dict.fromkeys(states, DIFFER)
    else:
        states = dict.fromkeys(found, UNSEEN) | _weights_of_schema_1(opened, metadata)
    return states | {"metadata": MATCH if opened.has_intact_metadata else DIFFER}


def _weights_of_schema_1(opened: Artifact, metadata: Metadata) -> dict[str, str]:
    """Of schema 1, ONNX files in float32 hold the digest of the trained weights, which are theirs."""
    if opened.path.suffix != ".onnx" or opened.certificate.own is not None:
        return {}
    weights = read_weights(opened.files[".onnx"], str(opened.path))
    if not weights:
        return {}
    return {"weights": MATCH if weights_sha256(weights) == metadata.weights_sha256 else DIFFER}
