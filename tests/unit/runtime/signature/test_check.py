import base64
import json
from pathlib import Path

import pytest

from keys import PAYLOADS, write_artifact, write_certificate, write_key, write_pair
from mnistx_runtime.artifact.container import files_of, open_artifact
from mnistx_runtime.errors import UntrustedModel
from mnistx_runtime.signature.bundle import signature_path
from mnistx_runtime.signature.check import check_signature
from mnistx_runtime.signature.sign import SigningKey


def refused(model: Path, trust: Path) -> str:
    """What is told of a model that isn't signed as it should be."""
    with pytest.raises(UntrustedModel) as error:
        check_signature(open_artifact(model), trust)
    assert "\n" not in str(error.value) and error.value.exit_code == 1
    return str(error.value)


def flip(path: Path, at: int = -1) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("suffix", PAYLOADS)
def test_a_changed_byte_in_any_file_of_an_artifact_is_seen(suffix: str, tmp_path: Path) -> None:
    private, public = write_pair(tmp_path)
    model = write_artifact(tmp_path, suffix)
    SigningKey(private).sign(model)
    signer = check_signature(open_artifact(model), public)
    assert signer.kind == "key" and signer.trusted_by == str(public)
    files = files_of(model)
    assert len(files) == len(PAYLOADS[suffix]) + (suffix != ".tflite")
    for file in files:
        for at in (0, -1):
            flip(file, at)
            told = refused(model, public)
            assert f"isn't what key {signer.fingerprint} signed" in told and "was changed" in told
            assert len(files) == 1 or file.name in told
            flip(file, at)
    assert check_signature(open_artifact(model), public) == signer


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_artifact(tmp_path, ".xml")


@pytest.fixture
def keys(tmp_path: Path, model: Path) -> tuple[Path, Path]:
    """Private and public; the model is signed by them."""
    pair = write_pair(tmp_path)
    SigningKey(pair[0]).sign(model)
    return pair


def test_what_is_not_signed_or_by_others_is_refused(model: Path, keys: tuple[Path, Path], tmp_path: Path) -> None:
    _, stranger = write_pair(tmp_path, "stranger")
    assert "which" in (told := refused(model, stranger)) and "doesn't name" in told
    signature_path(model).unlink()
    assert refused(model, keys[1]) == f"{model} isn't signed: there is no m.xml.sig beside it"


def test_another_model_s_signature_is_refused(model: Path, keys: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = write_artifact(tmp_path / "other", ".xml")
    (tmp_path / "other" / "m.bin").write_bytes(b"Weights")
    signature_path(other).write_bytes(signature_path(model).read_bytes())
    assert "m.bin was changed, or another model was signed" in refused(other, keys[1])
    single = write_artifact(tmp_path, ".tflite")
    signature_path(single).write_bytes(signature_path(model).read_bytes())
    assert "isn't what key" in refused(single, keys[1])


def test_one_file_may_be_renamed_and_several_may_not(model: Path, keys: tuple[Path, Path], tmp_path: Path) -> None:
    single = write_artifact(tmp_path, ".tflite")
    SigningKey(keys[0]).sign(single)
    for old, new in ((single, "n.tflite"), (signature_path(single), "n.tflite.sig")):
        old.rename(tmp_path / new)
    check_signature(open_artifact(tmp_path / "n.tflite"), keys[1])
    for file in [*files_of(model), signature_path(model)]:
        file.rename(tmp_path / file.name.replace("m.", "n.", 1))
    assert "n.xml was changed, or another model was signed" in refused(tmp_path / "n.xml", keys[1])


def test_a_signature_that_somebody_changed_is_refused(model: Path, keys: tuple[Path, Path]) -> None:
    beside = signature_path(model)
    whole = json.loads(beside.read_bytes())
    envelope = whole["dsseEnvelope"]
    statement = base64.b64decode(envelope["payload"])
    (made,) = envelope["signatures"]
    bad = bytearray(base64.b64decode(made["sig"]))
    bad[-1] ^= 1
    changes: list[dict[str, object]] = [
        {"payload": base64.b64encode(statement.replace(b'"files"', b'"shard"')).decode()},
        {"payload": base64.b64encode(statement + b" ").decode()},
        {"payload": "???"},
        {"payloadType": "text/plain"},
        {"signatures": [{"sig": base64.b64encode(bytes(bad)).decode()}]},
        {"signatures": []},
        {"signatures": None},
    ]
    for change in changes:
        beside.write_text(json.dumps(whole | {"dsseEnvelope": envelope | change}))
        assert "m.xml.sig is damaged, or key" in refused(model, keys[1]), change
    beside.write_text(json.dumps({k: v for k, v in whole.items() if k != "dsseEnvelope"}))
    assert "m.xml.sig is damaged, or key" in refused(model, keys[1])


def test_a_key_that_only_claims_another_s_fingerprint_is_refused(
    model: Path, keys: tuple[Path, Path], tmp_path: Path
) -> None:
    honest = json.loads(signature_path(model).read_bytes())
    SigningKey(write_pair(tmp_path, "stranger")[0]).sign(model)
    forged = json.loads(signature_path(model).read_bytes())
    signature_path(model).write_text(json.dumps(forged | {"verificationMaterial": honest["verificationMaterial"]}))
    assert "didn't make it" in refused(model, keys[1])


def test_what_is_checked_is_what_was_read(model: Path, keys: tuple[Path, Path]) -> None:
    opened = open_artifact(model)
    flip(model)
    check_signature(opened, keys[1])
    changed = open_artifact(model)
    flip(model)
    with pytest.raises(UntrustedModel, match=r"m\.xml was changed"):
        check_signature(changed, keys[1])


def test_a_certificate_is_trusted_by_its_root_while_all_are_valid(model: Path, tmp_path: Path) -> None:
    root_key, between_key = write_key(tmp_path / "root.key"), write_key(tmp_path / "between.key")
    root = write_certificate(tmp_path / "root.pem", root_key, authority=True)
    between = write_certificate(tmp_path / "between.pem", between_key, ("root", root_key), authority=True)
    key = write_key(tmp_path / "leaf.key")
    leaf = write_certificate(tmp_path / "leaf.pem", key, ("between", between_key))
    chain = tmp_path / "chain.pem"
    chain.write_bytes(leaf.read_bytes() + between.read_bytes())
    SigningKey(tmp_path / "leaf.key", chain).sign(model)
    signer = check_signature(open_artifact(model), root)
    assert (signer.kind, signer.subject, signer.trusted_by) == ("certificate", "CN=leaf", str(root))
    stranger = write_certificate(tmp_path / "stranger.pem", write_key(tmp_path / "stranger.key"), authority=True)
    assert "doesn't vouch for: unable to get local issuer certificate" in refused(model, stranger)
    assert "doesn't vouch for: no certificate is there" in refused(model, write_pair(tmp_path)[1])
    flip(tmp_path / "m.bin")
    assert "m.bin was changed" in refused(model, root)
    flip(tmp_path / "m.bin")
    write_certificate(root, root_key, days=(-9, -1), authority=True)
    assert "the certificate of CN=root expired on" in refused(model, root)


def test_a_certificate_that_has_expired_since_is_refused(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root_key, key = write_key(tmp_path / "root.key"), write_key(tmp_path / "leaf.key")
    folder = tmp_path / "trusted"
    folder.mkdir()
    root = write_certificate(folder / "root.pem", root_key, days=(-9, 9), authority=True)
    leaf = write_certificate(tmp_path / "leaf.pem", key, ("root", root_key), days=(-9, -1))
    with pytest.raises(UntrustedModel, match="leaf expired on"):
        SigningKey(tmp_path / "leaf.key", leaf)
    sign_unchecked(model, tmp_path / "leaf.key", leaf, monkeypatch)
    assert "the certificate of CN=leaf expired on" in refused(model, root)
    write_certificate(folder / "a.pem", root_key, days=(-9, -1), authority=True)
    assert "the certificate of CN=leaf expired on" in refused(model, folder)


def test_an_expired_root_beside_the_valid_one_does_no_harm(model: Path, tmp_path: Path) -> None:
    root_key, key = write_key(tmp_path / "root.key"), write_key(tmp_path / "leaf.key")
    folder = tmp_path / "trusted"
    folder.mkdir()
    write_certificate(folder / "a.pem", write_key(tmp_path / "a.key"), days=(-9, -1), authority=True)
    write_certificate(folder / "root.pem", root_key, authority=True)
    SigningKey(tmp_path / "leaf.key", write_certificate(tmp_path / "leaf.pem", key, ("root", root_key))).sign(model)
    assert check_signature(open_artifact(model), folder).subject == "CN=leaf"


def test_a_certificate_that_is_none_is_a_damaged_signature(model: Path, keys: tuple[Path, Path]) -> None:
    values = json.loads(signature_path(model).read_bytes())
    material = {"x509CertificateChain": {"certificates": [{"rawBytes": "AAAA"}]}}
    signature_path(model).write_text(json.dumps(values | {"verificationMaterial": material}))
    assert "m.xml.sig is no signature of a model, or a damaged one" in refused(model, keys[1])


def sign_unchecked(model: Path, key: Path, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sign with a certificate that one may not sign with, as it was days ago, or another tool would."""
    with monkeypatch.context() as patched:
        patched.setattr("mnistx_runtime.signature.sign.require_usable", lambda *_: None)
        SigningKey(key, certificate).sign(model)


def test_a_certificate_for_something_else_is_refused(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = write_certificate(tmp_path / "own.pem", write_key(tmp_path / "own.key"), signs=False)
    sign_unchecked(model, tmp_path / "own.key", own, monkeypatch)
    assert "the certificate of CN=own isn't for signing" in refused(model, own)
