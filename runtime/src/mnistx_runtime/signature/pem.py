"""Keys and certificates in PEM files, as openssl makes them; one a file."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnistx_runtime.errors import BackendUnavailable, BadInput, UntrustedModel, describe_error
from mnistx_runtime.registry import missing
from mnistx_runtime.signature.bundle import Signer
from mnistx_runtime.system.plain_file import require_plain

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

MAKE_KEY = "openssl ecparam -name prime256v1 -genkey -noout -out key.pem"
MAKE_PUBLIC = "openssl pkey -in key.pem -pubout -out public.pem"


@dataclass(frozen=True, eq=False)
class Trusted:
    """A public key or a certificate that vouches for signatures.

    Args:
        path: of its PEM file.
        signer: whose it is.
        certificate: None of a key.
        verifier: a `model_signing.verifying.Config` that checks by it.
    """

    path: Path
    signer: Signer
    certificate: "Certificate | None"
    verifier: Any


def require_installed() -> None:
    """Check that signatures can be made and checked here.

    Raises:
        BackendUnavailable: the extra `sign` isn't installed.
    """
    reason = missing("sign", "model_signing", "OpenSSL")
    if reason:
        raise BackendUnavailable(f"signatures can't be made or checked here: {reason}")


def read_trusted(trust: Path) -> list[Trusted]:
    """The public keys and certificates in a PEM file, or in the files of a folder that end in .pem.

    Raises:
        BackendUnavailable: the extra `sign` isn't installed.
        BadInput: there are none, or one of the files is something else.
    """
    require_installed()
    try:
        paths = sorted(path for path in trust.iterdir() if path.suffix == ".pem") if trust.is_dir() else [trust]
        found = [_read_public(path, require_plain(path).read_bytes()) for path in paths]
    except OSError as error:
        raise BadInput(f"trusted key {error.filename}: {error.strerror}") from error
    if not found:
        raise BadInput(f"{trust} holds no .pem file, so nobody is trusted")
    return found


def _read_public(path: Path, data: bytes) -> Trusted:
    from cryptography.x509 import load_pem_x509_certificate
    from model_signing.verifying import Config

    kinds = pem_kinds(data)
    if any("PRIVATE KEY" in kind for kind in kinds):
        raise BadInput(f"{path} is a private key, which belongs only to who signs; trust its public one: {MAKE_PUBLIC}")
    if len(kinds) > 1:
        raise BadInput(
            f"{path} holds {len(kinds)} keys or certificates; put each into a file of one folder, and name that"
        )
    if kinds == ["PUBLIC KEY"]:
        verifier = configure(Config().use_elliptic_key_verifier, path, public_key=path)
        return Trusted(path, Signer("key", _key_fingerprint(data)), None, verifier)
    if kinds == ["CERTIFICATE"]:
        verifier = configure(Config().use_certificate_verifier, path, certificate_chain=[path])
        certificate = load_pem_x509_certificate(data)
        return Trusted(path, signer_of(certificate), certificate, verifier)
    raise BadInput(f"{path} is no public key and no certificate in PEM: {MAKE_PUBLIC}")


def pem_kinds(data: bytes) -> list[str]:
    """What a PEM file says that it holds.

    >>> pem_kinds(b"-----BEGIN PUBLIC KEY-----")
    ['PUBLIC KEY']
    """
    return [kind.decode() for kind in re.findall(rb"-----BEGIN ([A-Z0-9 ]+)-----", data)]


def configure(use: Callable[..., Any], path: Path, **arguments: Any) -> Any:
    """Give a key or certificate to model_signing.

    Args:
        use: a method of one of its configurations.
        path: how errors name the file.
        arguments: of that method.

    Raises:
        BadInput: it can't be used.
    """
    try:
        return use(**arguments)
    except (ValueError, TypeError, AttributeError) as error:
        if isinstance(error, AttributeError):  # a key of another kind has no curve
            reason = "it isn't of an elliptic curve"
        else:
            reason = describe_error(error).partition(". See ")[0]
        raise BadInput(f"{path} can't be used: {reason}; a key to sign models with: {MAKE_KEY}") from error


def _key_fingerprint(data: bytes) -> str:
    """Of a public key as openssl writes it, whatever the file's line ends."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

    from mnistx_runtime.artifact.digests import sha256

    return sha256(load_pem_public_key(data).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def signer_of(certificate: "Certificate", trusted_by: Path | None = None) -> Signer:
    """Who signs with a certificate."""
    from cryptography.hazmat.primitives.hashes import SHA256

    return Signer(
        "certificate",
        certificate.fingerprint(SHA256()).hex(),
        certificate.subject.rfc4514_string(),
        f"{certificate.not_valid_after_utc:%Y-%m-%dT%H:%M:%SZ}",
        str(trusted_by) if trusted_by else None,
    )


def require_usable(certificates: "Sequence[Certificate]", source: str) -> None:
    """Check that one may sign with the first of these certificates, and that each is valid by this machine's clock.

    model_signing looks at the time at which the first begins to be valid, as no signature says when it was made: it
    takes those that have expired.

    Args:
        certificates: the signer's, those between, and the trusted one.
        source: how errors name what they belong to.

    Raises:
        UntrustedModel: one has expired, isn't valid yet, or isn't for signing.
    """
    from cryptography import x509

    now = datetime.now(UTC)
    for each in certificates:
        name, begins, ends = each.subject.rfc4514_string(), each.not_valid_before_utc, each.not_valid_after_utc
        if now > ends:
            raise UntrustedModel(f"{source}: the certificate of {name} expired on {ends:%Y-%m-%d}")
        if now < begins:
            clock = f"this machine's clock says {now:%Y-%m-%d}"
            raise UntrustedModel(f"{source}: the certificate of {name} is valid from {begins:%Y-%m-%d} on, and {clock}")
    try:
        signs = certificates[0].extensions.get_extension_for_class(x509.KeyUsage).value.digital_signature
    except (x509.ExtensionNotFound, ValueError):
        signs = False
    if not signs:
        name = certificates[0].subject.rfc4514_string()
        raise UntrustedModel(f"{source}: the certificate of {name} isn't for signing (keyUsage digitalSignature)")
