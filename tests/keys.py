"""Keys and certificates as openssl makes them, and artifacts of several files to sign."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from mnistx_runtime.artifact.container import open_artifact, seal
from mnistx_runtime.bundled import BUNDLED

Private = ec.EllipticCurvePrivateKey


def write_key(path: Path, password: bytes | None = None, curve: ec.EllipticCurve | None = None) -> Private:
    """A new private key in a PEM file."""
    key = ec.generate_private_key(curve or ec.SECP256R1())
    secret = BestAvailableEncryption(password) if password else NoEncryption()
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, secret))
    return key


def write_pair(folder: Path, name: str = "key") -> tuple[Path, Path]:
    """NAME.pem and NAME.public.pem."""
    private, public = folder / f"{name}.pem", folder / f"{name}.public.pem"
    key = write_key(private)
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return private, public


def write_certificate(
    path: Path,
    key: Private,
    issuer: tuple[str, Private] | None = None,
    days: tuple[int, int] = (-1, 30),
    signs: bool = True,
    authority: bool = False,
) -> Path:
    """A certificate in PEM, of the file's name.

    Args:
        path: where it goes.
        key: that it is of.
        issuer: name and key of who issues it; it's signed by itself without one.
        days: from today, when it begins and when it ends to be valid.
        signs: whether its key may sign.
        authority: whether it may issue certificates.
    """
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, path.stem)])
    by, by_key = issuer or (path.stem, key)
    now = datetime.now(UTC)
    usage = x509.KeyUsage(signs, False, False, False, False, authority, False, False, False)
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, by)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days[0]))
        .not_valid_after(now + timedelta(days[1]))
        .add_extension(x509.BasicConstraints(authority, None), critical=True)
        .add_extension(usage, critical=True)
        .sign(by_key, SHA256())
    )
    path.write_bytes(built.public_bytes(Encoding.PEM))
    return path


PAYLOADS = {
    ".xml": {".xml": b"<net/>", ".bin": b"weights"},
    ".ncnn.param": {".ncnn.param": b"7767517", ".ncnn.bin": b"weights"},
    ".mlpackage": {".mlpackage/Data/weights/weight.bin": b"weights", ".mlpackage/Manifest.json": b"{}"},
    ".tflite": {".tflite": b"model"},
}
"""What nobody can run, and everybody can sign."""


def write_artifact(folder: Path, suffix: str, name: str = "m") -> Path:
    """An artifact with the bundled model's metadata and certificate."""
    bundled = open_artifact(BUNDLED)
    for ending, data in seal(suffix, PAYLOADS[suffix], bundled.metadata, bundled.certificate).items():
        path = folder / f"{name}{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder / f"{name}{suffix}"
