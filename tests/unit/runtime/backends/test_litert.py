"""What needs no converter: LiteRT's interpreter is a stand-in here; tests of export run the real one."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from fuzz.flat_files import tflite
from mnistx_runtime import ArtifactError, Predictor, verify
from mnistx_runtime.artifact.certificate import Certificate
from mnistx_runtime.artifact.container import open_artifact, seal
from mnistx_runtime.artifact.verification import verify_loaded
from mnistx_runtime.backends import backend
from seal_bundled import seal_bundled

MODEL = tflite()
IMAGES = np.random.default_rng(0).integers(0, 256, (5, 1, 28, 28)).astype(np.uint8)


def answer(image: np.ndarray) -> np.ndarray:
    found: np.ndarray = image.reshape(len(image), -1)[:, :10].astype(np.float32)
    return found


class Interpreter:
    """Gives the first ten pixels of one image; knows what it was loaded with."""

    image: tuple[str, type, list[int]] = ("image", np.uint8, [1, 1, 28, 28])
    seen: bytes = b""

    def __init__(self, model_content: bytes, num_threads: int) -> None:
        assert num_threads == 1
        type(self).seen = model_content

    def allocate_tensors(self) -> None: ...

    def get_signature_runner(self) -> "Interpreter":
        return self

    def get_input_details(self) -> Any:
        name, dtype, shape = self.image
        details = {"dtype": dtype, "shape": np.array(shape), "index": 3}
        return _Details({name: details})

    def get_output_details(self) -> Any:
        return _Details({"log_probs": {"dtype": np.float32, "index": 4}})

    def set_tensor(self, index: int, image: np.ndarray) -> None:
        assert index == 3 and image.shape == (1, 1, 28, 28)
        self._image = image

    def invoke(self) -> None:
        self._found = answer(self._image)

    def get_tensor(self, index: int) -> np.ndarray:
        assert index == 4
        return self._found


class _Details(dict[Any, Any]):
    """By name for signatures, by position for tensors."""

    def __missing__(self, position: int) -> Any:
        return list(self.values())[position]


@pytest.fixture
def interpreter(monkeypatch: pytest.MonkeyPatch) -> type[Interpreter]:
    class Own(Interpreter): ...

    module = ModuleType("ai_edge_litert.interpreter")
    module.Interpreter = Own  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "ai_edge_litert", ModuleType("ai_edge_litert"))
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", module)
    monkeypatch.setattr("mnistx_runtime.registry.find_spec", lambda _: True)
    return Own


def write_tflite(folder: Path) -> Path:
    metadata = open_artifact(seal_bundled(folder / "m.onnx")).metadata
    files = seal(".tflite", {".tflite": MODEL}, metadata, Certificate(IMAGES, answer(IMAGES)))
    (folder / "m.tflite").write_bytes(files[".tflite"])
    return folder / "m.tflite"


def test_images_are_run_one_at_a_time_by_the_model_without_its_metadata(
    interpreter: type[Interpreter], tmp_path: Path
) -> None:
    path = write_tflite(tmp_path)
    assert (Predictor(path, "litert").log_probs(IMAGES) == answer(IMAGES)).all()
    assert interpreter.seen == MODEL
    assert verify_loaded(open_artifact(path), backend("litert").load(path, 1)).passed


def test_a_changed_byte_is_told_before_the_interpreter_sees_it(interpreter: type[Interpreter], tmp_path: Path) -> None:
    path = write_tflite(tmp_path)
    data = bytearray(path.read_bytes())
    data[20] ^= 1
    path.write_bytes(data)
    assert verify(path).differences == ["model"]
    with pytest.raises(ArtifactError, match="is not what was exported"):
        Predictor(path, "litert")
    assert interpreter.seen == b""


@pytest.mark.parametrize(
    "image",
    [
        ("x", np.uint8, [1, 1, 28, 28]),
        ("image", np.float32, [1, 1, 28, 28]),
        ("image", np.uint8, [1, 28, 28, 1]),
        ("image", np.uint8, [2, 1, 28, 28]),
    ],
)
def test_another_interface_is_told(interpreter: type[Interpreter], image: Any, tmp_path: Path) -> None:
    interpreter.image = image
    with pytest.raises(ArtifactError, match="is not what mnistx's models take and give"):
        Predictor(write_tflite(tmp_path), "litert")
