"""What needs no converter: ExecuTorch's runtime is a stand-in here; tests of export run the real one."""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from fuzz.flat_files import pte
from mnistx_runtime import ArtifactError, BackendUnavailable, Predictor, verify
from mnistx_runtime.artifact.certificate import Certificate
from mnistx_runtime.artifact.container import open_artifact, seal
from mnistx_runtime.artifact.verification import verify_loaded
from mnistx_runtime.backends import backend
from seal_bundled import seal_bundled

MODEL = pte()
IMAGES = np.random.default_rng(0).integers(0, 256, (9, 1, 28, 28)).astype(np.uint8)


def answer(images: np.ndarray) -> np.ndarray:
    found: np.ndarray = images.reshape(len(images), -1)[:, :10].astype(np.float32)
    return found


class Program:
    """Gives the first ten pixels of up to four images; knows what it was loaded with and run on."""

    def __init__(self) -> None:
        self.seen: list[bytes] = []
        self.sizes: list[int] = []
        self.threads = 4
        self.metadata = SimpleNamespace(input_tensor_meta=lambda _: SimpleNamespace(sizes=lambda: (4, 1, 28, 28)))

    def set_threads(self, count: int) -> None:
        self.threads = count

    def load_program(self, data: bytes) -> "Program":
        self.seen.append(data)
        return self

    def load_method(self, name: str) -> "Program":
        if name != "forward":
            raise RuntimeError
        return self

    def execute(self, inputs: list[torch.Tensor]) -> list[torch.Tensor]:
        self.sizes.append(len(inputs[0]))
        return [torch.from_numpy(answer(inputs[0].numpy()))]


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> Program:
    found, module = Program(), ModuleType("executorch.runtime")
    module.Runtime = SimpleNamespace(get=lambda: found)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "executorch", ModuleType("executorch"))
    monkeypatch.setitem(sys.modules, "executorch.runtime", module)
    bindings = ModuleType("executorch.extension.pybindings")
    bindings.portable_lib = SimpleNamespace(  # type: ignore[attr-defined]
        _threadpool_get_thread_count=lambda: found.threads, _unsafe_reset_threadpool=found.set_threads
    )
    monkeypatch.setitem(sys.modules, "executorch.extension", ModuleType("executorch.extension"))
    monkeypatch.setitem(sys.modules, "executorch.extension.pybindings", bindings)
    monkeypatch.setattr("mnistx_runtime.registry.find_spec", lambda _: True)
    return found


def write_pte(folder: Path) -> Path:
    metadata = open_artifact(seal_bundled(folder / "m.onnx")).metadata
    files = seal(".pte", {".pte": MODEL}, metadata, Certificate(IMAGES, answer(IMAGES)))
    (folder / "m.pte").write_bytes(files[".pte"])
    return folder / "m.pte"


def test_a_batch_is_run_within_the_bound_that_the_program_was_exported_with(program: Program, tmp_path: Path) -> None:
    path = write_pte(tmp_path)
    assert (Predictor(path, "executorch").log_probs(IMAGES) == answer(IMAGES)).all()
    assert program.sizes == [4, 4, 1] and program.seen == [MODEL] and program.threads == 1
    assert verify_loaded(open_artifact(path), backend("executorch").load(path, 1)).passed


def test_a_changed_byte_is_told_before_the_runtime_sees_it(program: Program, tmp_path: Path) -> None:
    path = write_pte(tmp_path)
    data = bytearray(path.read_bytes())
    data[20] ^= 1
    path.write_bytes(data)
    assert verify(path).differences == ["model"]
    with pytest.raises(ArtifactError, match="is not what was exported"):
        Predictor(path, "executorch")
    assert program.seen == []


def test_a_program_without_forward_and_a_library_that_cannot_be_loaded_are_told(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_pte(tmp_path)

    def load_method(_: str) -> Any:
        raise RuntimeError("no such method")

    monkeypatch.setattr(program, "load_method", load_method)
    with pytest.raises(ArtifactError, match="is not a readable ExecuTorch model: no such method"):
        Predictor(path, "executorch")
    monkeypatch.setitem(sys.modules, "executorch.runtime", None)
    with pytest.raises(BackendUnavailable, match="executorch is installed and can't be loaded"):
        Predictor(path, "executorch")
