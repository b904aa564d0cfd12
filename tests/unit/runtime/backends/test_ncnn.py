from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mnistx_runtime import ArtifactError, Predictor, verify
from mnistx_runtime.artifact.certificate import Certificate
from mnistx_runtime.artifact.container import open_artifact, seal
from mnistx_runtime.backends import backend
from mnistx_runtime.bundled import BUNDLED
from seal_bundled import seal_bundled

pytestmark = pytest.mark.slow

WEIGHT = np.random.default_rng(0).normal(0, 1e-2, (10, 784)).astype(np.float32)
BIAS = np.arange(10, dtype=np.float32)
IMAGES = np.random.default_rng(1).integers(0, 256, (5, 1, 28, 28)).astype(np.uint8)

PARAM = b"""7767517
3 3
Input in0 0 1 in0
Flatten flat 1 1 in0 1
InnerProduct fc 1 1 1 out0 0=10 1=1 2=7840
"""


def expected(images: np.ndarray) -> np.ndarray:
    logits = images.reshape(len(images), -1).astype(np.float64) @ WEIGHT.T.astype(np.float64) + BIAS
    logits -= logits.max(1, keepdims=True)
    found: np.ndarray = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    return found


def write_ncnn(folder: Path) -> Path:
    """A linear layer as an ncnn model, written by hand and sealed."""
    payload = {".ncnn.param": PARAM, ".ncnn.bin": bytes(4) + WEIGHT.tobytes() + BIAS.tobytes()}
    metadata = open_artifact(seal_bundled(folder / "m.onnx")).metadata
    certificate = Certificate(IMAGES, expected(IMAGES).astype(np.float32))
    for ending, data in seal(".ncnn.param", payload, metadata, certificate).items():
        (folder / f"m{ending}").write_bytes(data)
    return folder / "m.ncnn.param"


def test_logits_become_log_probabilities_in_float64(tmp_path: Path) -> None:
    path = write_ncnn(tmp_path)
    assert np.abs(Predictor(path, "ncnn").log_probs(IMAGES) - expected(IMAGES)).max() < 1e-4
    assert verify(path).passed


def test_logits_of_any_size_become_finite_log_probabilities(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logits = np.linspace(-2e4, 2e4, 10, dtype=np.float32)
    monkeypatch.setattr("mnistx_runtime.backends.ncnn.NcnnSession._logits", lambda *_: logits[None])
    found = Predictor(write_ncnn(tmp_path), "ncnn").log_probs(IMAGES[:1])
    assert found == pytest.approx(logits[None] - 2e4)


@pytest.mark.parametrize(
    ("ending", "old", "new", "part"),
    [
        (".bin", BIAS.tobytes(), BIAS[::-1].tobytes(), "weights"),
        (".param", b"1=1", b"1=0", "graph"),
        (".param", b"InnerProduct", b"InnerProducT", "graph"),
    ],
)
def test_a_changed_file_is_told_before_ncnn_reads_it(
    ending: str, old: bytes, new: bytes, part: str, tmp_path: Path
) -> None:
    path = write_ncnn(tmp_path)
    changed = path.with_suffix(ending)
    changed.write_bytes(changed.read_bytes().replace(old, new))
    assert verify(path).differences == [part]
    with pytest.raises(ArtifactError, match="is not what was exported"):
        Predictor(path, "ncnn")


def test_what_ncnn_cannot_read_is_told(tmp_path: Path) -> None:
    payload = {".param": b"7767517\n1 1\nNoSuchLayer a 0 1 in0\n", ".bin": b"\0\0\0\0"}
    opened = open_artifact(seal_bundled(tmp_path / "m.onnx"))
    metadata = replace(opened.metadata, description="x")
    for ending, data in seal(".param", payload, metadata, open_artifact(BUNDLED).certificate).items():
        (tmp_path / f"m{ending}").write_bytes(data)
    with pytest.raises(ArtifactError, match="holds the layer NoSuchLayer"):
        Predictor(tmp_path / "m.param", "ncnn")
    with pytest.raises(ArtifactError, match="is not a readable ncnn model"):
        Predictor(open_artifact(tmp_path / "m.param", allow_foreign=True), "ncnn")


def test_what_was_read_is_loaded_and_not_the_files_anew(tmp_path: Path) -> None:
    path = write_ncnn(tmp_path)
    opened = open_artifact(path)
    path.with_suffix(".bin").write_bytes(b"another")
    path.write_text("7767517\n")
    assert np.abs(backend("ncnn").load(opened, 1).run(IMAGES) - expected(IMAGES)).max() < 1e-4
