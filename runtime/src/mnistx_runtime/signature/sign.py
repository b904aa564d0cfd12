"""Making a signature."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mnistx_runtime.artifact.container import open_artifact
from mnistx_runtime.artifact.verification import verify_payload
from mnistx_runtime.errors import BadInput, UntrustedModel, VerificationFailed
from mnistx_runtime.signature.bundle import Signer, read_bundle, signature_path
from mnistx_runtime.signature.check import model_of
from mnistx_runtime.signature.pem import MAKE_KEY, configure, pem_kinds, require_installed, require_usable, signer_of
from mnistx_runtime.system.files import write_whole
from mnistx_runtime.system.plain_file import require_plain


@dataclass(frozen=True)
class Signed:
    """A signature that was written.

    Args:
        path: where it lies.
        signer: whose it is.
    """

    path: Path
    signer: Signer

    passed = True

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {"signature": str(self.path), "signer": self.signer._asdict()}

    def lines(self) -> list[str]:
        """What to tell a person."""
        return [f"{self.path}: signed by {self.signer}"]


class SigningKey:
    """A private key to sign models with.

    Args:
        key: its PEM file, of an elliptic curve.
        certificate: a PEM file with the key's certificate, and after it those between that and the trusted one.
        password: of a key that is encrypted; with a certificate it can't be.

    Raises:
        BackendUnavailable: the extra `sign` isn't installed.
        BadInput: a file is missing or something else, or the two don't belong together.
        UntrustedModel: the certificate isn't valid now, or not for signing.
    """

    def __init__(self, key: Path, certificate: Path | None = None, password: str | None = None) -> None:
        """Read them; see the class."""
        require_installed()
        from cryptography.x509 import load_pem_x509_certificates
        from model_signing import hashing, signing

        try:
            private = require_plain(key).read_bytes()
            public = require_plain(certificate).read_bytes() if certificate else b""
        except OSError as error:
            raise BadInput(f"key {error.filename}: {error.strerror}") from error
        if not any("PRIVATE KEY" in kind for kind in pem_kinds(private)):
            raise BadInput(f"{key} is no private key in PEM: {MAKE_KEY}")
        whole = hashing.Config().set_ignored_paths(paths=(), ignore_git_paths=False)
        config = signing.Config().set_hashing_config(whole)
        self._certificate = None
        if certificate is None:
            secret: Any = password.encode() if password else None  # cryptography takes bytes
            self._config = configure(config.use_elliptic_key_signer, key, private_key=key, password=secret)
            return
        if password:
            raise BadInput(f"{key} is encrypted; with a certificate that can't be used")
        chain = configure(load_pem_x509_certificates, certificate, data=public)
        require_usable(chain, str(certificate))
        self._certificate = chain[0]
        files = {"private_key": key, "signing_certificate": certificate, "certificate_chain": [certificate]}
        self._config = configure(config.use_certificate_signer, key, **files)

    def sign(self, model: Path) -> Signed:
        """Sign an artifact, and write the signature beside it.

        Args:
            model: the file that is loaded; the files beside that belong to it are signed with it.

        Raises:
            ArtifactError: it's missing, damaged, or no artifact of mnistx's.
            BadInput: the signature can't be written, or something else is there.
            VerificationFailed: the artifact isn't what was exported.
        """
        opened = open_artifact(model)
        found = verify_payload(opened)
        if not found.passed:
            raise VerificationFailed(
                f"{model} is not what was exported and isn't signed: {', '.join(found.differences)}"
            )
        beside = signature_path(model)
        try:
            read_bundle(beside)
        except UntrustedModel as error:
            raise BadInput(f"{beside} exists and is no signature of a model; move it away") from error
        with opened.stage() as path, TemporaryDirectory(prefix="mnistx-") as folder:
            made = Path(folder) / "signature"
            self._config.sign(model_of(opened, path), made)
            bundle = read_bundle(made)
        assert bundle is not None
        write_whole(beside, bundle.data)
        return Signed(beside, signer_of(self._certificate) if self._certificate else bundle.signer)
