import io
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from mnistx_runtime.artifact.foreign_model import foreign_model
from mnistx_runtime.backends import runtime_of
from mnistx_runtime.errors import ArtifactError


def archive(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as found:
        for name in names:
            found.writestr(zipfile.ZipInfo(name), "x")  # without the time: the test is named after the bytes
    return file.getvalue()


def arrays() -> bytes:
    file = io.BytesIO()
    np.savez(file, a=np.zeros(2))
    return file.getvalue()


FOREIGN = [
    pytest.param("m.pt", archive("m/data.pkl", "m/data/0"), "torch.save .* spec init .* its weights", id="torch.save"),
    pytest.param("m.pth", archive("m/data.pkl", "m/constants.pkl", "m/code/x.py"), "TorchScript", id="TorchScript"),
    pytest.param("m.pth", b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.rest", "torch.save", id="torch.save before 1.6"),
    pytest.param("m.pkl", pickle.dumps({"a": 1}), "a pickle, which may run code and is never read", id="pickle"),
    pytest.param("m.h5", b"\x89HDF\r\n\x1a\n" + bytes(99), "Keras .* ONNX .*mnistx seal", id="HDF5"),
    pytest.param("m.keras", archive("config.json", "model.weights.h5"), "a Keras model; .*mnistx seal", id="Keras"),
    pytest.param("m.npz", arrays(), "NumPy arrays, no network", id="npz"),
    pytest.param("m.bin", b"\x1c\0\0\0TFL3" + bytes(99), "TensorFlow Lite", id="TFLite"),
]


@pytest.mark.parametrize(("name", "data", "says"), FOREIGN)
def test_what_another_tool_wrote_is_told_with_what_to_do(tmp_path: Path, name: str, data: bytes, says: str) -> None:
    path = tmp_path / name
    path.write_bytes(data)

    with pytest.raises(ArtifactError, match=f"{name} is .*{says}") as caught:
        runtime_of(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"text", archive("a.txt"), archive("a.txt")[:-9]])
def test_what_is_not_known_is_not_guessed(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "m.xyz"
    path.write_bytes(data)

    assert foreign_model(path) == ""
    with pytest.raises(ArtifactError, match=r"no runtime reads '\.xyz' files; known endings: \.onnx"):
        runtime_of(path)


def test_a_saved_model_is_a_folder(tmp_path: Path) -> None:
    assert foreign_model(tmp_path) == ""
    (tmp_path / "saved_model.pb").write_bytes(b"x")
    assert foreign_model(tmp_path).startswith("a SavedModel of TensorFlow; convert it to ONNX")


def test_nothing_in_a_pickle_is_run(tmp_path: Path) -> None:
    path = tmp_path / "m.pkl"
    path.write_bytes(b"c" + b"pathlib\nPath\n")  # protocol 0, which has no first bytes of its own
    assert foreign_model(path) == ""
    path.write_bytes(pickle.dumps(_Trap(tmp_path / "ran")))
    assert "never read" in foreign_model(path) and not (tmp_path / "ran").exists()


class _Trap:
    """Writes a file where a pickle of it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.path,)
