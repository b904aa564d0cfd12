from pathlib import Path
from typing import Literal

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from model_signing import hashing, signing, verifying

from keys import PAYLOADS, write_artifact, write_certificate, write_key, write_pair
from mnistx_runtime.artifact.container import files_of, open_artifact
from mnistx_runtime.errors import ArtifactError, BadInput, UntrustedModel, VerificationFailed
from mnistx_runtime.signature.bundle import claimed_signer, signature_path
from mnistx_runtime.signature.check import check_signature
from mnistx_runtime.signature.sign import SigningKey


@pytest.mark.parametrize("suffix", PAYLOADS)
def test_the_library_s_own_tool_checks_what_we_sign(suffix: str, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    model = write_artifact(tmp_path / "models", suffix)
    private, public = write_pair(tmp_path)
    signed = SigningKey(private).sign(model)
    assert signed.path == signature_path(model) and signed.signer == claimed_signer(model) and signed.passed
    theirs = verifying.Config().use_elliptic_key_verifier(public_key=public).set_ignore_unsigned_files(True)
    theirs.verify(model if len(files_of(model)) == 1 else tmp_path / "models", signed.path)


@pytest.mark.parametrize("how", ["sha256", "blake3"])
def test_what_the_library_s_own_tool_signs_is_checked_here(how: Literal["sha256", "blake3"], tmp_path: Path) -> None:
    model = write_artifact(tmp_path, ".tflite")
    private, public = write_pair(tmp_path)
    config = hashing.Config().use_file_serialization(hashing_algorithm=how)
    theirs = signing.Config().set_hashing_config(config).use_elliptic_key_signer(private_key=private)
    theirs.sign(model, signature_path(model))
    check_signature(open_artifact(model), public)
    model.write_bytes(model.read_bytes()[:-1] + b"x")
    with pytest.raises(UntrustedModel):
        check_signature(open_artifact(model), public)


def test_signing_again_replaces_a_signature_and_nothing_else(tmp_path: Path) -> None:
    model = write_artifact(tmp_path, ".tflite")
    for name in "ab":
        private, public = write_pair(tmp_path, name)
        SigningKey(private).sign(model)
        check_signature(open_artifact(model), public)
    signature_path(model).write_bytes(b"a signature of gpg's")
    with pytest.raises(BadInput, match="exists and is no signature of a model"):
        SigningKey(private).sign(model)
    assert signature_path(model).read_bytes() == b"a signature of gpg's"


def test_what_is_not_what_was_exported_is_not_signed(tmp_path: Path) -> None:
    model = write_artifact(tmp_path, ".xml")
    key = SigningKey(write_pair(tmp_path)[0])
    (tmp_path / "m.bin").write_bytes(b"others")
    with pytest.raises(VerificationFailed, match="is not what was exported and isn't signed: weights"):
        key.sign(model)
    (tmp_path / "m.bin").unlink()
    with pytest.raises(ArtifactError, match=r"m\.bin is missing"):
        key.sign(model)
    with pytest.raises(ArtifactError, match="no such model file"):
        key.sign(tmp_path / "no.onnx")
    assert not signature_path(model).exists()


def test_a_key_on_any_curve_of_the_library_s_signs_and_an_encrypted_one_with_its_password(tmp_path: Path) -> None:
    model = write_artifact(tmp_path, ".tflite")
    for curve in (ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()):
        write_key(tmp_path / "key.pem", curve=curve)
        SigningKey(tmp_path / "key.pem").sign(model)
    write_key(tmp_path / "key.pem", b"open")
    SigningKey(tmp_path / "key.pem", password="open").sign(model)
    for wrong in ("shut", None):
        with pytest.raises(BadInput, match=r"key\.pem can't be used: "):
            SigningKey(tmp_path / "key.pem", password=wrong)


def test_what_is_no_key_is_told(tmp_path: Path) -> None:
    private, public = write_pair(tmp_path)
    (tmp_path / "cut.pem").write_bytes(private.read_bytes()[:100])
    for name, told in {
        "missing.pem": "key .*missing.pem: No such file",
        public.name: "is no private key in PEM: openssl ecparam",
        "cut.pem": "can't be used: Unable to load PEM file",
    }.items():
        with pytest.raises(BadInput, match=told):
            SigningKey(tmp_path / name)


def test_a_certificate_must_be_the_key_s_valid_and_for_signing(tmp_path: Path) -> None:
    key = write_key(tmp_path / "key.pem")
    good = write_certificate(tmp_path / "good.pem", key)
    assert SigningKey(tmp_path / "key.pem", good).sign(write_artifact(tmp_path, ".tflite")).signer.subject == "CN=good"
    write_key(tmp_path / "other.pem")
    with pytest.raises(BadInput, match="does not match"):
        SigningKey(tmp_path / "other.pem", good)
    with pytest.raises(BadInput, match=r"key\.pem can't be used"):
        SigningKey(tmp_path / "key.pem", tmp_path / "key.pem")
    with pytest.raises(BadInput, match="with a certificate that can't be used"):
        SigningKey(tmp_path / "key.pem", good, "password")
    with pytest.raises(UntrustedModel, match="isn't for signing"):
        SigningKey(tmp_path / "key.pem", write_certificate(tmp_path / "bad.pem", key, signs=False))
