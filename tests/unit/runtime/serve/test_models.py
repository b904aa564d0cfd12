import shutil
from pathlib import Path

import pytest

from command import RELEASED
from mnistx_runtime.bundled import BUNDLED
from mnistx_runtime.errors import ArtifactError, BadInput, UntrustedModel, VerificationFailed
from mnistx_runtime.serve.models import load_model, load_models


def test_the_bundled_model_is_served_where_none_is_named() -> None:
    (model,) = load_models([]).values()
    assert (model.name, model.platform, model.takes.shape) == ("mnist-cnn", "onnxruntime_onnx", (1, 28, 28))


def test_what_was_changed_is_not_served(tmp_path: Path) -> None:
    data = bytearray(BUNDLED.read_bytes())
    at = data.index(b"fc2") if b"fc2" in data else len(data) // 2
    data[at] ^= 1
    (tmp_path / "m.onnx").write_bytes(data)
    with pytest.raises((VerificationFailed, ArtifactError)):
        load_model(tmp_path / "m.onnx")


def test_what_no_trusted_key_signed_is_not_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(BUNDLED, tmp_path / "m.onnx")
    (tmp_path / "keys").mkdir()
    monkeypatch.setenv("MNISTX_TRUST", str(tmp_path / "keys"))
    with pytest.raises((UntrustedModel, BadInput)):
        load_model(tmp_path / "m.onnx")


def test_names_are_of_files_and_must_differ(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="two models are called m"):
        load_models([tmp_path / "a" / "m.onnx", tmp_path / "b" / "m.onnx"])


def test_a_checkpoint_and_a_missing_file_say_so(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="is a checkpoint"):
        load_model(RELEASED)
    with pytest.raises(ArtifactError):
        load_model(tmp_path / "no.onnx")
