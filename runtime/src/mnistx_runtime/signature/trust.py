"""Whose models may run here: those of the keys and certificates that MNISTX_TRUST names, or anybody's without it.

This is asked where a model is loaded, whatever the runtime; without the variable nothing is imported.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from mnistx_runtime.errors import BadInput, UntrustedModel

if TYPE_CHECKING:
    from mnistx_runtime.artifact.container import Artifact
    from mnistx_runtime.signature.bundle import Signer

VARIABLE = "MNISTX_TRUST"


def configured_trust() -> Path | None:
    """The PEM file, or the folder of them, that the environment names; None where it names none.

    Raises:
        BadInput: it is set and empty, as by a script whose own variable was.
    """
    named = os.environ.get(VARIABLE)
    if named == "":
        raise BadInput(f"{VARIABLE} is set and empty; name a PEM file or a folder of them, or unset it")
    return Path(named) if named else None


def require_trusted(opened: "Artifact") -> "Signer | None":
    """Check an artifact by the configuration, before anything of it is loaded.

    Returns:
        Who signed it; None where nothing is configured, or it's the bundled model, which the program vouches for by its
        digest.

    Raises:
        UntrustedModel, BackendUnavailable, BadInput: see `check_signature`.
    """
    trust = configured_trust()
    if trust is None or _is_bundled(opened):
        return None
    from mnistx_runtime.signature.check import check_signature

    return check_signature(opened, trust)


def refuse_unsigned(what: str) -> None:
    """Refuse what can't be signed, where the configuration asks for signatures.

    Raises:
        UntrustedModel: it does.
    """
    trust = configured_trust()
    if trust is not None:
        raise UntrustedModel(f"{what}, so no signature shows whose it is, which {VARIABLE} asks for ({trust})")


def find_signer(opened: "Artifact", trust: Path | None) -> "Signer | None":
    """Who signed an artifact: checked by what is given, or by the configuration; without either only claimed.

    Raises:
        UntrustedModel, BackendUnavailable, BadInput: see `check_signature`.
    """
    from mnistx_runtime.signature.bundle import claimed_signer

    if trust is not None:
        from mnistx_runtime.signature.check import check_signature

        return check_signature(opened, trust)
    return require_trusted(opened) or claimed_signer(opened.path)


def _is_bundled(opened: "Artifact") -> bool:
    from mnistx_runtime.artifact.digests import sha256
    from mnistx_runtime.bundled import BUNDLED, BUNDLED_SHA256

    return opened.path == BUNDLED and [*map(sha256, opened.files.values())] == [BUNDLED_SHA256]
