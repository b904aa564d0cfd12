import shutil
import subprocess
import sys
from pathlib import Path

import onnxruntime
import pytest

from command import PICTURES, RELEASED, by_weight, mnistx
from keys import write_pair
from mnistx_runtime import Predictor, verify
from mnistx_runtime.artifact.container import open_artifact
from mnistx_runtime.artifact.digests import sha256
from mnistx_runtime.backends import SUFFIXES, artifact_for
from mnistx_runtime.bundled import BUNDLED, BUNDLED_SHA256
from mnistx_runtime.errors import BackendUnavailable, BadInput, UntrustedModel
from mnistx_runtime.signature.bundle import signature_path
from mnistx_runtime.signature.sign import SigningKey
from mnistx_runtime.signature.trust import VARIABLE
from seal_bundled import seal_bundled


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Private and public; the public one is what the environment names."""
    pair = write_pair(tmp_path)
    monkeypatch.setenv(VARIABLE, str(pair[1]))
    return pair


SUFFIX_OF = {runtime: suffix for suffix, runtime in reversed(SUFFIXES.items()) if runtime != "torch"}


@pytest.mark.parametrize("runtime", by_weight(SUFFIX_OF))
def test_no_runtime_is_given_what_is_not_signed(runtime: str, keys: tuple[Path, Path], tmp_path: Path) -> None:
    path = tmp_path / f"m{SUFFIX_OF[runtime]}"
    for ending in (path.suffix, ".bin", ".json"):
        path.with_suffix(ending).write_bytes(b"nothing that a reader would take")
    with pytest.raises(UntrustedModel, match="isn't signed"):
        Predictor(path, runtime)


def test_a_signed_model_answers_and_a_changed_one_doesn_t(keys: tuple[Path, Path], tmp_path: Path) -> None:
    path = seal_bundled(tmp_path / "m.onnx")
    SigningKey(keys[0]).sign(path)
    assert Predictor(path).predict(PICTURES / "seven.jpg").name == "7"
    assert verify(path).signer is not None and verify(path).passed
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(UntrustedModel, match="isn't what key"):
        Predictor(path)
    with pytest.raises(UntrustedModel, match="isn't what key"):
        verify(path)


def test_what_is_given_counts_and_not_what_is_configured(keys: tuple[Path, Path], tmp_path: Path) -> None:
    path = seal_bundled(tmp_path / "m.onnx")
    private, public = write_pair(tmp_path, "other")
    SigningKey(private).sign(path)
    found = verify(path, public).signer
    assert found is not None and found.trusted_by == str(public)
    with pytest.raises(UntrustedModel):
        verify(path)
    with pytest.raises(BadInput, match="not by int"):
        verify(path, 7)  # type: ignore[arg-type]


def test_the_bundled_model_is_vouched_for_by_its_digest_where_it_lies(keys: tuple[Path, Path], tmp_path: Path) -> None:
    assert sha256(BUNDLED.read_bytes()) == BUNDLED_SHA256
    assert Predictor().predict(PICTURES / "seven.jpg").name == "7" and verify(BUNDLED).signer is None
    shutil.copy(BUNDLED, tmp_path / "own.onnx")
    with pytest.raises(UntrustedModel, match="isn't signed"):  # nobody may put it in place of another
        Predictor(tmp_path / "own.onnx")
    with pytest.raises(UntrustedModel, match="isn't signed"):
        verify(BUNDLED, keys[1])


def test_a_changed_bundled_model_is_not(keys: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnistx_runtime.bundled.BUNDLED_SHA256", "0" * 64)
    with pytest.raises(UntrustedModel, match="isn't signed"):
        Predictor()


def test_what_can_t_be_signed_is_refused(keys: tuple[Path, Path]) -> None:
    session = onnxruntime.InferenceSession(BUNDLED, providers=["CPUExecutionProvider"])
    with pytest.raises(UntrustedModel, match="InferenceSession was loaded elsewhere"):
        Predictor(session)
    with pytest.raises(UntrustedModel, match=r"safetensors is a checkpoint, so no signature"):
        Predictor(RELEASED, "torch")


def test_what_the_caller_read_is_the_caller_s(keys: tuple[Path, Path], tmp_path: Path) -> None:
    opened = open_artifact(seal_bundled(tmp_path / "m.onnx"))
    assert artifact_for(opened, "ort") is opened
    with pytest.raises(UntrustedModel):
        artifact_for(opened.path, "ort")


@pytest.mark.parametrize("named", ["", "missing.pem", "."])
def test_a_configuration_that_names_nobody_refuses_all(
    named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = seal_bundled(tmp_path / "m.onnx")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(VARIABLE, named)
    with pytest.raises(BadInput):
        Predictor(path)


def test_without_the_extra_all_is_refused(
    keys: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = seal_bundled(tmp_path / "m.onnx")
    SigningKey(keys[0]).sign(path)
    there = sys.modules["mnistx_runtime.registry"].find_spec
    hidden = lambda name: None if name == "model_signing" else there(name)  # noqa: E731
    monkeypatch.setattr("mnistx_runtime.registry.find_spec", hidden)
    with pytest.raises(BackendUnavailable, match=r"mnistx-runtime\[sign\]"):
        Predictor(path)


def test_predict_and_benchmark_refuse_in_one_line(keys: tuple[Path, Path], tmp_path: Path) -> None:
    path = seal_bundled(tmp_path / "m.onnx")
    commands: list[list[str | Path]] = [["predict", PICTURES / "seven.jpg", "--model", path], ["benchmark", path]]
    for command in commands:
        found = mnistx(*command)
        assert found.exit_code == 1 and found.stdout == ""
        assert found.stderr == f"Error: {path} isn't signed: there is no m.onnx.sig beside it\n"


def test_nothing_is_imported_and_nothing_claimed_without_a_configuration(tmp_path: Path) -> None:
    path = seal_bundled(tmp_path / "m.onnx")
    code = (
        "import sys; from mnistx_runtime import Predictor, verify\n"
        f"assert Predictor({str(path)!r}).predict({str(PICTURES / 'seven.jpg')!r}).name == '7'\n"
        f"print(verify({str(path)!r}).signer)\n"
        "print(*sorted({'model_signing', 'sigstore', 'cryptography', 'OpenSSL'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["None"] and not signature_path(path).exists()
