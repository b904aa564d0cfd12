import json
from pathlib import Path
from typing import Any

import pytest

from keys import write_artifact, write_pair
from mnistx_runtime.errors import UntrustedModel
from mnistx_runtime.signature.bundle import MOST_BYTES, Signer, claimed_signer, read_bundle, signature_path
from mnistx_runtime.signature.sign import SigningKey


@pytest.fixture
def signed(tmp_path: Path) -> Path:
    model = write_artifact(tmp_path, ".tflite")
    SigningKey(write_pair(tmp_path)[0]).sign(model)
    return model


def test_a_signature_says_who_it_is_by_and_that_nobody_checked(signed: Path) -> None:
    bundle = read_bundle(signature_path(signed))
    assert bundle is not None and bundle.signer == claimed_signer(signed) and bundle.certificates == ()
    assert bundle.signer.kind == "key" and "which nobody checked" in bundle.signer.line()


def test_it_is_a_bundle_of_sigstore_s_with_an_envelope_and_a_statement(signed: Path) -> None:
    from base64 import b64decode

    values = json.loads(signature_path(signed).read_bytes())
    assert values["dsseEnvelope"]["payloadType"] == "application/vnd.in-toto+json"
    statement = json.loads(b64decode(values["dsseEnvelope"]["payload"]))
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert [each["name"] for each in statement["predicate"]["resources"]] == ["."]
    assert "ignore_paths" not in statement["predicate"]["serialization"]


def test_where_there_is_none_nobody_claims_it(tmp_path: Path) -> None:
    assert read_bundle(tmp_path / "m.onnx.sig") is None and claimed_signer(tmp_path / "m.onnx") is None


def remove(values: Any, *keys: str) -> Any:
    at = values
    for key in keys[:-1]:
        at = at[key]
    del at[keys[-1]]
    return values


DAMAGES: dict[str, Any] = {
    "empty": lambda text: "",
    "cut off": lambda text: text[: len(text) // 2],
    "binary": lambda text: "\udcff\udcfe",
    "deep": lambda text: "[" * 100_000,
    "a list": lambda text: "[]",
    "a number": lambda text: "7",
    "too long": lambda text: text + " " * MOST_BYTES,
    "of another kind": lambda text: text.replace("dev.sigstore.bundle", "else"),
    "nobody's": lambda text: json.dumps(remove(json.loads(text), "verificationMaterial", "publicKey", "hint")),
    "of no key": lambda text: json.dumps(remove(json.loads(text), "verificationMaterial", "publicKey")),
    "of a key that isn't one": lambda text: json.dumps(
        json.loads(text) | {"verificationMaterial": {"publicKey": {"hint": ["a"]}}}
    ),
    "of no certificate": lambda text: json.dumps(
        json.loads(text) | {"verificationMaterial": {"x509CertificateChain": {"certificates": []}}}
    ),
    "of a certificate that isn't one": lambda text: json.dumps(
        json.loads(text) | {"verificationMaterial": {"x509CertificateChain": {"certificates": [{"rawBytes": 7}]}}}
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_signature_is_none(damage: str, signed: Path) -> None:
    path = signature_path(signed)
    path.write_bytes(DAMAGES[damage](path.read_text()).encode(errors="surrogateescape"))
    with pytest.raises(UntrustedModel, match="is no signature of a model, or a damaged one"):
        read_bundle(path)
    assert claimed_signer(signed) is None


def test_a_folder_of_its_name_is_none(tmp_path: Path) -> None:
    (tmp_path / "m.sig").mkdir()
    with pytest.raises(UntrustedModel, match="can't be read"):
        read_bundle(tmp_path / "m.sig")


def test_a_signer_is_told_with_all_that_is_known() -> None:
    signer = Signer("certificate", "ab", "CN=me", "2026-12-31T00:00:00Z", "root.pem")
    assert signer.line() == "signed by CN=me, certificate ab, valid until 2026-12-31T00:00:00Z (trusted: root.pem)"
