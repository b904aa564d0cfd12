"""Signatures that don't hold, and keys that aren't any."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from bad.case import Case, both, edit, empty, half, pipe, write
from tampering import flip_bit

_VERIFY = "mnistx verify m.onnx --trust good/public.pem"


def _signed(folder: Path) -> None:
    for name in ("m.onnx", "m.onnx.sig"):
        shutil.copy(folder / "good" / name, folder / name)


def _with(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], object]:
    return both(_signed, edit(name, name, change))


def _run(folder: Path, command: str) -> None:
    subprocess.run(["bash", "-ec", command], cwd=folder, check=True, capture_output=True)


def _openssl(command: str) -> Callable[[Path], object]:
    return both(_signed, lambda folder: _run(folder, command))


_TRUST = "MNISTX_TRUST=good/public.pem mnistx predict good/three.jpg"
_CERTIFICATE = "openssl req -x509 -new -key k.pem -subj /CN=a -days 9 -addext keyUsage=critical,digitalSignature"
_RSA = "openssl genrsa -out k.pem 2048; openssl rsa -in k.pem -pubout -out p.pem"
_OTHER = "openssl ecparam -name prime256v1 -genkey -noout -out k.pem; openssl pkey -in k.pem -pubout -out p.pem"
_PASSWORD = "openssl ecparam -name prime256v1 -genkey -noout | openssl ec -aes256 -passout pass:a -out k.pem"
_SIGN = "mnistx sign m.onnx --key k.pem"

CASES = (
    Case("a pipe as a key", _SIGN, both(_signed, pipe("k.pem"))),
    Case("a pipe as a key to trust", "mnistx verify m.onnx --trust p.pem", both(_signed, pipe("p.pem"))),
    Case("a pipe as a signature", _VERIFY, both(edit("m.onnx", "m.onnx", bytes), pipe("m.onnx.sig")), code=1),
    Case("no signature", _VERIFY, edit("m.onnx", "m.onnx", bytes), code=1),
    Case("a signature by another key", "mnistx verify m.onnx --trust p.pem", _openssl(_OTHER), code=1),
    Case("a changed byte", _VERIFY, _with("m.onnx", flip_bit), code=1),
    Case(
        "a signature of another file",
        "mnistx verify m.tflite --trust good/public.pem",
        lambda folder: (
            shutil.copy(folder / "good/m.tflite", folder / "m.tflite"),
            shutil.copy(folder / "good/m.onnx.sig", folder / "m.tflite.sig"),
        ),
        code=1,
    ),
    Case("half a signature", _VERIFY, _with("m.onnx.sig", half), code=1),
    Case("a text as a signature", _VERIFY, both(_signed, write("m.onnx.sig", "yes\n")), code=1),
    Case("no such key to trust", "mnistx verify m.onnx --trust no.pem", _signed),
    Case("a folder without keys to trust", "mnistx verify m.onnx --trust in", both(_signed, empty("in"))),
    Case("a text as a key to trust", "mnistx verify m.onnx --trust p.pem", both(_signed, write("p.pem", "trust me\n"))),
    Case("a private key to trust", "mnistx verify m.onnx --trust good/key.pem", _signed),
    Case(
        "an unsigned model where MNISTX_TRUST is set",
        f"{_TRUST} --model m.onnx",
        edit("m.onnx", "m.onnx", bytes),
        code=1,
    ),
    Case(
        "a checkpoint where MNISTX_TRUST is set",
        f"{_TRUST} --model good/m.safetensors --runtime torch",
        code=1,
    ),
    Case("MNISTX_TRUST that is empty", "MNISTX_TRUST= mnistx predict good/three.jpg --model good/m.onnx"),
    Case("MNISTX_TRUST that names nothing", "MNISTX_TRUST=no.pem mnistx predict good/three.jpg --model good/m.onnx"),
    Case("no such key to sign with", "mnistx sign good/m.onnx --key no.pem"),
    Case("a public key to sign with", "mnistx sign m.onnx --key good/public.pem", _signed),
    Case("a key of RSA to sign with", _SIGN, _openssl(_RSA)),
    Case("a key with a password, and no terminal", _SIGN, _openssl(_PASSWORD)),
    Case("a text as a key to sign with", _SIGN, both(_signed, write("k.pem", "a"))),
    Case("half a key to sign with", _SIGN, both(_signed, edit("key.pem", "k.pem", half))),
    Case("a changed model to sign", "mnistx sign m.onnx --key good/key.pem", _with("m.onnx", flip_bit), code=1),
    Case("no model to sign", "mnistx sign no.onnx --key good/key.pem"),
    Case(
        "a certificate of another key",
        "mnistx sign m.onnx --key good/key.pem --certificate c.pem",
        _openssl(f"{_OTHER}; {_CERTIFICATE} -out c.pem"),
    ),
)
