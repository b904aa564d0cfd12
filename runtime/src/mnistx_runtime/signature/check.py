"""Checking a signature: the bytes that were read, those that will be loaded, and not the files anew."""

import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from mnistx_runtime.artifact.container import Artifact
from mnistx_runtime.errors import UntrustedModel, describe_error
from mnistx_runtime.signature.bundle import Bundle, Signer, read_bundle, signature_path
from mnistx_runtime.signature.pem import Trusted, read_trusted, require_usable, signer_of

if TYPE_CHECKING:
    from cryptography.x509 import Certificate


def check_signature(opened: Artifact, trust: Path) -> Signer:
    """Check that a trusted key or certificate signed an artifact. Nothing of that is parsed or run.

    Args:
        opened: the artifact; its signature lies beside it.
        trust: a PEM file, or a folder of them; see `read_trusted`.

    Returns:
        Who signed it.

    Raises:
        UntrustedModel: nobody signed it, none of those did, they signed other bytes, or by a certificate that isn't
            valid now.
        BackendUnavailable, BadInput: see `read_trusted`.
    """
    trusted = read_trusted(trust)
    beside = signature_path(opened.path)
    bundle = read_bundle(beside)
    if bundle is None:
        raise UntrustedModel(f"{opened.path} isn't signed: there is no {beside.name} beside it")
    if not bundle.certificates:
        return _check_key(opened, bundle, trusted, trust)
    return _check_certificate(opened, bundle, trusted, trust)


def _check_key(opened: Artifact, bundle: Bundle, trusted: list[Trusted], trust: Path) -> Signer:
    for each in trusted:
        if each.signer == bundle.signer:
            _verify(opened, bundle, each)
            return bundle.signer._replace(trusted_by=str(each.path))
    raise UntrustedModel(f"{opened.path} is signed by {bundle.signer}, which {trust} doesn't name")


def _check_certificate(opened: Artifact, bundle: Bundle, trusted: list[Trusted], trust: Path) -> Signer:
    from OpenSSL.crypto import X509StoreContextError

    chain = _read_chain(bundle, signature_path(opened.path))
    require_usable(chain, str(opened.path))
    reason = "no certificate is there"
    for each in trusted:
        if each.certificate is None:
            continue
        try:
            _verify(opened, bundle, each)
        except X509StoreContextError as error:
            reason = describe_error(error)
            continue
        require_usable([*chain, each.certificate], str(opened.path))
        return signer_of(chain[0], trusted_by=each.path)
    raise UntrustedModel(f"{opened.path} is signed by {bundle.signer}, which {trust} doesn't vouch for: {reason}")


def _read_chain(bundle: Bundle, source: Path) -> "list[Certificate]":
    from cryptography.x509 import load_der_x509_certificate

    try:
        return [load_der_x509_certificate(each) for each in bundle.certificates]
    except ValueError as error:
        raise UntrustedModel(f"{source} is no signature of a model, or a damaged one") from error


def _verify(opened: Artifact, bundle: Bundle, trusted: Trusted) -> None:
    """Let model_signing check a signature by one key or certificate.

    Raises:
        UntrustedModel: it is over other bytes, or damaged.
        X509StoreContextError: the certificate doesn't vouch for it.
    """
    from OpenSSL.crypto import X509StoreContextError

    with opened.stage() as path, TemporaryDirectory(prefix="mnistx-") as folder:
        signature = Path(folder) / "signature"  # as it was read: who is told to have signed is who is checked
        signature.write_bytes(bundle.data)
        try:
            trusted.verifier.verify(model_of(opened, path), signature)
        except (OSError, X509StoreContextError):
            raise
        except Exception as error:  # it raises whatever a damaged signature makes it stumble over
            if "Signature mismatch" in str(error):
                other = f"{_changed_names(str(error)) or opened.path.name} was changed, or another model was signed"
                raise UntrustedModel(f"{opened.path} isn't what {bundle.signer} signed: {other}") from error
            beside = signature_path(opened.path)
            raise UntrustedModel(f"{beside} is damaged, or {bundle.signer} didn't make it") from error


def model_of(opened: Artifact, path: Path) -> Path:
    """What model_signing takes for the model: its file; where it is several, the folder that they alone lie in.

    Args:
        opened: the artifact.
        path: of its copy, see `Artifact.stage`.
    """
    return path if len(opened.files) == 1 else path.parent


def _changed_names(text: str) -> str:
    """The files that model_signing calls other than were signed; "." is the only one of a model.

    >>> _changed_names("Signature mismatch: ['Hash mismatch for 'm.bin': Expected ...']")
    'm.bin'
    """
    found = re.findall(r"Hash mismatch for \\?'([^'\\]+)", text)  # in a list of texts, so quotes may be escaped
    return ", ".join(name for name in found if name != ".")
