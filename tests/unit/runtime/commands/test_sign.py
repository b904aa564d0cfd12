from pathlib import Path

import pytest

from command import json_lines, mnistx
from keys import write_artifact, write_certificate, write_key, write_pair
from mnistx_runtime.signature.bundle import signature_path
from seal_bundled import seal_bundled


def test_sign_writes_a_signature_beside_each_model_and_verify_says_whose_it_is(tmp_path: Path) -> None:
    models = [seal_bundled(tmp_path / "m.onnx"), write_artifact(tmp_path, ".tflite")]
    private, public = write_pair(tmp_path)
    found = mnistx("sign", *models, "--key", private)
    assert found.exit_code == 0 and found.stderr == ""
    first, second = found.stdout.splitlines()
    assert first.startswith(f"{models[0]}.sig: signed by key ") and second.startswith(
        f"{models[1]}.sig: signed by key "
    )
    fingerprint = first.rpartition(" ")[2]
    assert (
        f"  a signature by key {fingerprint} lies beside it, which nobody checked" in mnistx("verify", models[0]).stdout
    )
    told = mnistx("verify", models[0], "--trust", public)
    assert told.exit_code == 0 and f"  signed by key {fingerprint} (trusted: {public})" in told.stdout
    (values,) = json_lines(mnistx("verify", models[0], "--trust", public, "--json"))
    assert values["passed"] and values["signer"]["trusted_by"] == str(public)
    assert values["signer"]["fingerprint"] == fingerprint
    (signed,) = json_lines(mnistx("sign", models[0], "--key", private, "--json"))
    assert signed["signature"] == f"{models[0]}.sig" and signed["signer"]["kind"] == "key"


def test_what_is_not_signed_as_asked_ends_with_1_and_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = seal_bundled(tmp_path / "m.onnx")
    private, public = write_pair(tmp_path)
    mnistx("sign", model, "--key", private)
    monkeypatch.setattr("mnistx_runtime.backends.ort.Ort.load", lambda *_: pytest.fail("it was loaded"))
    model.write_bytes(model.read_bytes() + b"\n")
    found = mnistx("verify", model, "--trust", public)
    assert (found.exit_code, found.stdout) == (1, "") and "m.onnx was changed" in found.stderr
    (values,) = json_lines(mnistx("verify", model, "--trust", public, "--json"))
    assert values["exit_code"] == 1 and values["source"] == str(model)
    signature_path(model).unlink()
    assert mnistx("verify", model, "--trust", public).exit_code == 1
    assert mnistx("verify", model, "--trust", private).exit_code == 2
    assert mnistx("verify", model, "--trust", tmp_path / "no.pem").exit_code == 2


def test_one_model_that_can_t_be_signed_stops_none(tmp_path: Path) -> None:
    model = write_artifact(tmp_path, ".tflite")
    private, _ = write_pair(tmp_path)
    found = mnistx("sign", tmp_path / "no.onnx", model, "--key", private)
    assert found.exit_code == 2 and signature_path(model).exists()
    assert found.stderr == f"Error: {tmp_path / 'no.onnx'}: no such model file\n"
    assert mnistx("sign", model, "--key", tmp_path / "no.pem").exit_code == 2
    assert mnistx("sign", model, "--key", tmp_path).exit_code == 2


def test_a_certificate_tells_its_subject(tmp_path: Path) -> None:
    model = write_artifact(tmp_path, ".tflite")
    certificate = write_certificate(tmp_path / "me.pem", write_key(tmp_path / "me.key"))
    found = mnistx("sign", model, "--key", tmp_path / "me.key", "--certificate", certificate)
    assert found.exit_code == 0 and "signed by CN=me, certificate " in found.stdout and "valid until " in found.stdout


def test_the_password_of_an_encrypted_key_is_asked_for_at_a_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = write_artifact(tmp_path, ".tflite")
    write_key(tmp_path / "key.pem", b"sesame")
    found = mnistx("sign", model, "--key", tmp_path / "key.pem")
    assert found.exit_code == 2 and "is encrypted; its password is asked for at a terminal" in found.stderr
    monkeypatch.setattr("mnistx_runtime.commands.sign._at_a_terminal", lambda: True)
    found = mnistx("sign", model, "--key", tmp_path / "key.pem", stdin=b"sesame\n")
    assert found.exit_code == 0 and "sesame" not in found.stdout + found.stderr and signature_path(model).exists()
    assert mnistx("sign", model, "--key", tmp_path / "key.pem", stdin=b"shut\n").exit_code == 2
