from hashlib import sha256
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from keys import write_certificate, write_key, write_pair
from mnistx_runtime.errors import BackendUnavailable, BadInput, UntrustedModel
from mnistx_runtime.signature.pem import read_trusted, require_installed, require_usable


def test_a_key_s_fingerprint_is_what_sha256sum_prints_of_its_file(tmp_path: Path) -> None:
    _, public = write_pair(tmp_path)
    (found,) = read_trusted(public)
    assert found.signer.fingerprint == sha256(public.read_bytes()).hexdigest()
    public.write_bytes(public.read_bytes().replace(b"\n", b"\r\n"))
    assert read_trusted(public)[0].signer == found.signer


def test_a_folder_holds_many_and_what_else_lies_there_is_not_looked_at(tmp_path: Path) -> None:
    folder = tmp_path / "trusted"
    folder.mkdir()
    for name in "ab":
        write_pair(tmp_path, name)[1].rename(folder / f"{name}.pem")
    key = write_key(tmp_path / "root.key")
    write_certificate(folder / "root.pem", key, authority=True)
    (folder / "README").write_text("whose they are")
    found = read_trusted(folder)
    assert [each.path.name for each in found] == ["a.pem", "b.pem", "root.pem"]
    assert found[2].signer.subject == "CN=root" and found[2].certificate is not None


def test_what_is_no_key_is_told_in_one_line(tmp_path: Path) -> None:
    private, public = write_pair(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.pem").write_bytes(b"\xff no key")
    (tmp_path / "two.pem").write_bytes(public.read_bytes() * 2)
    (tmp_path / "cut.pem").write_bytes(public.read_bytes()[:90])
    (tmp_path / "broken.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    other = ed25519.Ed25519PrivateKey.generate().public_key()
    (tmp_path / "ed.pem").write_bytes(other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    curve = ec.generate_private_key(ec.SECP256K1()).public_key()
    (tmp_path / "curve.pem").write_bytes(curve.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    for name, told in {
        "missing.pem": "missing.pem: No such file",
        "empty": "holds no .pem file, so nobody is trusted",
        private.name: "is a private key.*openssl pkey -in",
        "text.pem": "is no public key and no certificate in PEM",
        "two.pem": "holds 2 keys or certificates",
        "cut.pem": "can't be used: Unable to load PEM file",
        "broken.pem": "can't be used",
        "ed.pem": "it isn't of an elliptic curve; a key to sign models with: openssl ecparam",
        "curve.pem": "Unsupported key for curve 'secp256k1'",
    }.items():
        with pytest.raises(BadInput, match=told) as error:
            read_trusted(tmp_path / name)
        assert "\n" not in str(error.value)


def load(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_a_certificate_is_usable_while_it_is_valid_and_for_signing(tmp_path: Path) -> None:
    key = write_key(tmp_path / "key.pem")
    good = load(write_certificate(tmp_path / "good.pem", key))
    old = load(write_certificate(tmp_path / "old.pem", key, days=(-9, -1)))
    early = load(write_certificate(tmp_path / "early.pem", key, days=(1, 9)))
    other = load(write_certificate(tmp_path / "other.pem", key, signs=False))
    require_usable([good, other], "m")
    with pytest.raises(UntrustedModel, match=r"m: the certificate of CN=old expired on \d{4}-\d\d-\d\d"):
        require_usable([good, old], "m")
    with pytest.raises(UntrustedModel, match=r"CN=early is valid from .* this machine's clock says"):
        require_usable([early], "m")
    with pytest.raises(UntrustedModel, match="CN=other isn't for signing"):
        require_usable([other], "m")


@pytest.mark.parametrize("absent", ["model_signing", "OpenSSL"])
def test_where_the_library_is_missing_the_line_that_installs_it_is_told(
    absent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_installed()
    monkeypatch.setattr("mnistx_runtime.registry.find_spec", lambda name: None if name == absent else object())
    with pytest.raises(BackendUnavailable, match=rf"{absent} is missing: pip install 'mnistx-runtime\[sign\]'"):
        require_installed()
