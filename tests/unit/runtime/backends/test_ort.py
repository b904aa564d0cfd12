from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from hostile_onnx import add_score, seal_hostile
from mnistx_runtime import ArtifactError, Predictor, verify
from mnistx_runtime.artifact.container import open_artifact, seal
from mnistx_runtime.artifact.onnx_file import read_props, write_props
from mnistx_runtime.backends import backend
from mnistx_runtime.backends.ort import load_session, model_bytes
from mnistx_runtime.bundled import BUNDLED
from seal_bundled import seal_bundled
from tiny_onnx import write_tiny

IMAGES = np.random.default_rng(0).integers(0, 256, (150, 1, 28, 28)).astype(np.uint8)


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
    assert (loaded.certificate.images == backend("ort").load(BUNDLED, 1).certificate.images).all()
    assert loaded.metadata == backend("ort").load(BUNDLED, 1).metadata


def write_foreign(path: Path, props: dict[str, str]) -> Path:
    """A valid ONNX model with another interface."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 224, 224])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3, 224, 224])
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [x], [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    path.write_bytes(write_props(model.SerializeToString(), props))
    return path


def test_a_foreign_model_is_told_what_its_interface_lacks(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"carries no mnistx metadata.*mnistx seal"):
        backend("ort").load(write_foreign(tmp_path / "foreign.onnx", {}), 1)
    props = open_artifact(BUNDLED).props
    with pytest.raises(ArtifactError, match=r"takes x tensor\(float\) \[1, 3, 224, 224\]; mnistx runs models that"):
        backend("ort").load(write_foreign(tmp_path / "foreign.onnx", props), 1)


@pytest.mark.parametrize("shape", [(1, 32, 28), (3, 28, 28), (1, 28, 32)])
def test_metadata_that_does_not_fit_the_model_is_told(shape: tuple[int, int, int], tmp_path: Path) -> None:
    path = write_tiny(tmp_path / "m.onnx", "N", 0.0, shape=shape)
    props = open_artifact(BUNDLED).props
    path.write_bytes(write_props(path.read_bytes(), props))
    with pytest.raises(ArtifactError, match=r"mnistx runs models that take image tensor\(uint8\) \['N', 1, 28, 28\]"):
        Predictor(path)


def test_a_model_of_a_fixed_batch_is_run_if_it_takes_one_and_else_refused(tmp_path: Path) -> None:
    fixed = Predictor(write_tiny(tmp_path / "one.onnx", 1, 1e-6))
    free = Predictor(write_tiny(tmp_path / "any.onnx", "N", 1e-6))
    assert (fixed.log_probs(IMAGES) == free.log_probs(IMAGES)).all()
    with pytest.raises(ArtifactError, match=r"\['N', 1, 28, 28\]"):
        Predictor(write_tiny(tmp_path / "two.onnx", 2, 0.0))


def test_weights_in_another_file_are_not_looked_for_in_the_folder_that_it_runs_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    onnx.save(onnx.load(BUNDLED), "m.onnx", save_as_external_data=True, location="m.bin", size_threshold=100)
    onnxruntime.InferenceSession(Path("m.onnx").read_bytes())  # it finds them
    with pytest.raises(ArtifactError, match="self-contained"):
        Predictor("m.onnx")


def test_metadata_cannot_make_onnx_runtime_take_the_file_for_its_own_format(tmp_path: Path) -> None:
    """It guesses the format by the bytes 4 to 8; protobuf may have properties there, which no digest covers."""
    path = seal_bundled(tmp_path / "m.onnx")
    key = b"ORTM" + b"x" * 60
    entry = bytes([0x0A, len(key)]) + key + b"\x12\x01y"
    data = bytes([0x72, len(entry)]) + entry + path.read_bytes()
    assert data[4:8] == b"ORTM" and key.decode() in read_props(data, "m")
    with pytest.raises(Exception, match="ORT model verification failed"):
        onnxruntime.InferenceSession(data)
    path.write_bytes(data)
    assert verify(path).passed
    expected = backend("ort").load(BUNDLED, 1).run(IMAGES)
    assert (load_session(data, path).run(None, {"image": IMAGES[:1]})[0] == expected[:1]).all()


def write_ort(path: Path) -> Path:
    """The bundled model in ONNX Runtime's own format, sealed."""
    options = onnxruntime.SessionOptions()
    plain = path.with_name("plain.ort")
    options.optimized_model_filepath = str(plain)
    options.log_severity_level = 3
    options.add_session_config_entry("session.save_model_format", "ORT")
    onnxruntime.InferenceSession(BUNDLED, options)
    opened = open_artifact(seal_bundled(path.with_name("m.onnx")))
    path.write_bytes(seal(".ort", {".ort": plain.read_bytes()}, opened.metadata, opened.certificate)[".ort"])
    return path


def test_the_format_of_its_own_is_run_without_the_metadata_after_it(tmp_path: Path) -> None:
    path = write_ort(tmp_path / "m.ort")
    assert verify(path).passed
    assert np.abs(Predictor(path).log_probs(IMAGES) - Predictor().log_probs(IMAGES)).max() < 1e-4
    opened = open_artifact(path)
    assert path.read_bytes().startswith(model_bytes(opened)) and len(model_bytes(opened)) < path.stat().st_size


def test_a_changed_byte_of_its_own_format_is_told_before_the_runtime_sees_it(tmp_path: Path) -> None:
    path = write_ort(tmp_path / "m.ort")
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 1
    path.write_bytes(data)
    assert verify(path).differences == ["model"]
    with pytest.raises(ArtifactError, match="is not what was exported"):
        Predictor(path)


def look_up_beyond_the_end(model: onnx.ModelProto) -> None:
    add_score(
        model,
        helper.make_node("Cast", ["image"], ["whole"], to=TensorProto.INT64),
        helper.make_node("ReduceMax", ["whole"], ["top"], keepdims=0),
        helper.make_node("Gather", ["pair", "top"], ["extra"]),
        pair=np.zeros(2, np.float32),
    )


def test_what_can_not_be_computed_is_told_in_one_line(tmp_path: Path) -> None:
    session = backend("ort").load(seal_hostile(look_up_beyond_the_end, tmp_path / "m.onnx"), 1)
    assert session.run(np.zeros((1, 1, 28, 28), np.uint8)).shape == (1, 10)
    with pytest.raises(ArtifactError, match=r"m\.onnx can't be run: .*out of data bounds") as told:
        session.run(IMAGES[:1])
    assert "\n" not in str(told.value)
