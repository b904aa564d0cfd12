import re
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from command import by_weight
from mnistx_runtime.backends import BACKENDS, SUFFIXES, backend, runtime_of
from mnistx_runtime.errors import ArtifactError, BackendUnavailable, BadInput
from mnistx_runtime.predictor import BUNDLED

IMAGES = np.random.default_rng(0).integers(0, 256, (150, 1, 28, 28)).astype(np.uint8)


def foreign(path: Path) -> Path:
    """A valid ONNX model with another interface."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 224, 224])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3, 224, 224])
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [x], [y])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), path)
    return path


def test_every_ending_asks_for_a_runtime_that_exists() -> None:
    assert set(SUFFIXES.values()) <= set(BACKENDS)


def test_unknown_names_are_answered_with_the_nearest() -> None:
    with pytest.raises(BadInput, match="unknown runtime 'orrt'; did you mean 'ort'"):
        backend("orrt")
    with pytest.raises(ArtifactError, match=r"no runtime reads '\.h5' files"):
        runtime_of(Path("model.h5"))


INSTALLS = {"ort": "pip install onnxruntime", "torch": "pip install ./runtime ./train ./export"}


@pytest.mark.parametrize("name", BACKENDS)
def test_a_missing_package_names_the_line_that_installs_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    backend(name)
    monkeypatch.setattr("mnistx_runtime.backends.find_spec", lambda _: None)
    monkeypatch.setattr("mnistx_runtime.backends.ort.find_spec", lambda _: None)
    monkeypatch.setattr("mnistx_runtime.backends.checkpoint.entry_points", lambda **_: ())
    line = INSTALLS.get(name, f"pip install 'mnistx-runtime[{name}]'")
    with pytest.raises(BackendUnavailable, match=re.escape(line)):
        backend(name)


def test_threads_and_chunks_change_no_answer() -> None:
    one, two = (backend("ort").load(BUNDLED, threads) for threads in (1, 2))
    together = one.run(IMAGES)
    assert together.dtype == np.float32 and together.shape == (150, 10)
    assert (two.run(IMAGES) == together).all()
    alone = np.concatenate([one.run(IMAGES[i : i + 1]) for i in range(20)])
    assert np.abs(alone - together[:20]).max() < 1e-4


def test_a_session_of_the_callers_own_is_used_as_it_is() -> None:
    session = onnxruntime.InferenceSession(BUNDLED, providers=["CPUExecutionProvider"])
    loaded = backend("ort").load(session, 1)
    assert (loaded.run(IMAGES[:3]) == session.run(None, {"image": IMAGES[:3]})[0]).all()
    assert "certificate" in loaded.props


@pytest.mark.parametrize("name", by_weight(BACKENDS))
def test_files_that_cannot_be_loaded_are_told(name: str, tmp_path: Path) -> None:
    suffix = next(ending for ending, runtime in SUFFIXES.items() if runtime == name)
    path = tmp_path / f"m{suffix}"
    told = r"is not a readable|is not a checkpoint"
    with pytest.raises(ArtifactError, match="no such model file"):
        backend(name).load(path, 1)
    path.touch()
    with pytest.raises(ArtifactError, match="is empty"):
        backend(name).load(path, 1)
    path.write_bytes(b"nonsense" * 100)
    if name in ("openvino", "ncnn"):
        with pytest.raises(ArtifactError, match=r"m\.bin is missing beside it"):
            backend(name).load(path, 1)
        (tmp_path / "m.bin").write_bytes(b"nonsense" * 100)
    if name == "ncnn":
        with pytest.raises(ArtifactError, match=r"m\.json is missing"):
            backend(name).load(path, 1)
        (tmp_path / "m.json").write_bytes(b"nonsense" * 100)
    with pytest.raises(ArtifactError, match=told):
        backend(name).load(path, 1)
    path.write_bytes(BUNDLED.read_bytes()[:500_000])
    with pytest.raises(ArtifactError, match=told):
        backend(name).load(path, 1)


def test_a_foreign_model_is_told_what_its_interface_lacks(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"takes x tensor\(float\) \[1, 3, 224, 224\]; mnistx runs models that"):
        backend("ort").load(foreign(tmp_path / "foreign.onnx"), 1)


def test_a_file_for_another_runtime_is_told_which(tmp_path: Path) -> None:
    (tmp_path / "m.torchscript").write_bytes(b"x")
    with pytest.raises(ArtifactError, match="use --runtime torchscript"):
        backend("ort").load(tmp_path / "m.torchscript", 1)
