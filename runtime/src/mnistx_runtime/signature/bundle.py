"""The signature file beside a model, MODEL.sig: a Sigstore bundle with a DSSE envelope around an in-toto statement.

The statement names the model's files and their digests. Reading it checks nothing, and needs nothing installed.
"""

import json
import re
from binascii import a2b_base64
from pathlib import Path
from typing import NamedTuple

from mnistx_runtime.artifact.digests import sha256
from mnistx_runtime.errors import UntrustedModel
from mnistx_runtime.system.plain_file import require_plain

MOST_BYTES = 1 << 20  # ours have three thousand

_MEDIA_TYPE = "application/vnd.dev.sigstore.bundle"
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")


class Signer(NamedTuple):
    """Who signed a model.

    Args:
        kind: "key" or "certificate".
        fingerprint: sha256 in hexadecimal: of a public key in PEM, as `sha256sum public.pem` prints it; of a
            certificate in DER, as `openssl x509 -noout -fingerprint -sha256` does.
        subject: of a certificate, as RFC 4514 writes it; None where nobody checked it.
        expires: likewise, the last second that it is valid, in ISO 8601.
        trusted_by: the PEM file that vouches for it; None where nobody checked.
    """

    kind: str
    fingerprint: str
    subject: str | None = None
    expires: str | None = None
    trusted_by: str | None = None

    def __str__(self) -> str:
        """Who it is, for a person.

        >>> str(Signer("key", "1af5"))
        'key 1af5'
        """
        whose = f"{self.subject}, " if self.subject else ""
        until = f", valid until {self.expires}" if self.expires else ""
        return f"{whose}{self.kind} {self.fingerprint}{until}"

    def line(self) -> str:
        """What to tell a person of a model that it signed."""
        if self.trusted_by is None:
            return f"a signature by {self} lies beside it, which nobody checked: --trust names a key to check it by"
        return f"signed by {self} (trusted: {self.trusted_by})"


class Bundle(NamedTuple):
    """A signature file, read and not yet checked.

    Args:
        data: its bytes.
        signer: who it says that signed.
        certificates: in DER, the signer's first; none where a key signed.
    """

    data: bytes
    signer: Signer
    certificates: tuple[bytes, ...] = ()


def signature_path(model: Path) -> Path:
    """Where the signature of a model lies.

    >>> str(signature_path(Path("m.onnx")))
    'm.onnx.sig'
    """
    return model.with_name(f"{model.name}.sig")


def read_bundle(path: Path) -> Bundle | None:
    """A signature file; None if there is none.

    Args:
        path: of the signature.

    Raises:
        UntrustedModel: it's no signature, or damaged.
    """
    try:
        with require_plain(path).open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UntrustedModel(f"{path} can't be read: {error.strerror}") from error
    try:
        values = json.loads(data)
        material = values["verificationMaterial"]
        if len(data) > MOST_BYTES or not values["mediaType"].startswith(_MEDIA_TYPE):
            raise ValueError("another kind of file")
        if "publicKey" in material:
            fingerprint = material["publicKey"]["hint"]
            if not _FINGERPRINT.fullmatch(fingerprint):
                raise ValueError("no fingerprint")
            return Bundle(data, Signer("key", fingerprint))
        chain = tuple(a2b_base64(each["rawBytes"]) for each in material["x509CertificateChain"]["certificates"])
        return Bundle(data, Signer("certificate", sha256(chain[0])), chain)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise UntrustedModel(f"{path} is no signature of a model, or a damaged one") from error


def claimed_signer(model: Path) -> Signer | None:
    """Who signed a model by what lies beside it, which nobody checked; None if there's nothing that can be read."""
    try:
        bundle = read_bundle(signature_path(model))
    except UntrustedModel:
        return None
    return bundle and bundle.signer
