import re
import subprocess
import sys
from pathlib import Path
from unittest.mock import MagicMock

import numpy as np
import pytest

from command import RELEASED, by_weight
from mnistx_export import export
from mnistx_export.checkpoint_model import model_from_checkpoint
from mnistx_export.formats import FORMATS
from mnistx_export.formats.base import format_named
from mnistx_runtime.artifact.container import CONTAINERS, open_artifact
from mnistx_runtime.backends import (
    BACKENDS,
    SUFFIXES,
    artifact_for,
    backend,
    chunk_of,
    existing_file,
    format_of,
    in_chunks,
    runtime_of,
)
from mnistx_runtime.backends.torch_session import import_torch
from mnistx_runtime.bundled import BUNDLED
from mnistx_runtime.errors import ArtifactError, BackendUnavailable, BadInput
from mnistx_runtime.registry import look_up


def test_every_ending_asks_for_a_runtime_that_exists() -> None:
    assert set(SUFFIXES.values()) <= set(BACKENDS)


def test_unknown_names_are_answered_with_the_nearest() -> None:
    with pytest.raises(BadInput, match="unknown runtime 'orrt'; did you mean 'ort'"):
        backend("orrt")
    with pytest.raises(ArtifactError, match=r"no runtime reads '\.h5' files"):
        runtime_of(Path("model.h5"))


INSTALLS = {
    "ort": "pip install onnxruntime",
    "c": "pip install ziglang",
    "torch": "pip install ./runtime ./train ./export",
}


@pytest.mark.parametrize("name", BACKENDS)
def test_a_missing_package_names_the_line_that_installs_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    backend(name)
    monkeypatch.setattr("mnistx_runtime.registry.find_spec", lambda _: None)
    monkeypatch.setattr("mnistx_runtime.backends.ort.find_spec", lambda _: None)
    monkeypatch.setattr("mnistx_runtime.backends.checkpoint.entry_points", lambda **_: ())
    monkeypatch.setattr("mnistx_runtime.c_build.find_spec", lambda _: None)
    monkeypatch.setattr("mnistx_runtime.c_build.shutil.which", lambda _: None)
    monkeypatch.delenv("CC", raising=False)
    line = INSTALLS.get(name, f"pip install 'mnistx-runtime[{name}]'")
    with pytest.raises(BackendUnavailable, match=re.escape(line)):
        backend(name)


LIBRARY = {"ort": "onnxruntime", "torch": "torch", "openvino": "openvino", "ncnn": "ncnn",
           "litert": "ai_edge_litert", "executorch": "executorch"}  # fmt: skip


@pytest.mark.parametrize("name", LIBRARY)
@pytest.mark.parametrize("error", [ImportError(), OSError("no libx.so\nat all")])
def test_a_library_that_cannot_be_loaded_says_why_in_one_line(
    name: str, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        def find_spec(self, found: str, *_: object) -> None:
            if found == LIBRARY[name]:
                raise error

    for module in [
        LIBRARY[name],
        *(each for each in sys.modules if each.startswith(("ai_edge_litert.", "executorch."))),
    ]:
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    with pytest.raises(
        BackendUnavailable, match=r"is installed and can't be loaded: (ImportError|no libx\.so at all)$"
    ):
        if name == "torch":
            import_torch()
        else:
            monkeypatch.setattr(f"mnistx_runtime.backends.{name}.artifact_for", MagicMock())
            look_up(BACKENDS, name, "runtime")().load("m", 1)


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
        with pytest.raises(ArtifactError, match=r"m\.json is missing"):
            backend(name).load(path, 1)
        (tmp_path / "m.json").write_bytes(b"nonsense" * 100)
    with pytest.raises(ArtifactError, match=told):
        backend(name).load(path, 1)
    path.write_bytes(BUNDLED.read_bytes()[:500_000])
    with pytest.raises(ArtifactError, match=told):
        backend(name).load(path, 1)


def test_a_file_for_another_runtime_is_told_which(tmp_path: Path) -> None:
    (tmp_path / "m.torchscript").write_bytes(b"x")
    with pytest.raises(ArtifactError, match="use --runtime torchscript"):
        backend("ort").load(tmp_path / "m.torchscript", 1)


def test_every_kind_of_artifact_is_run_by_a_runtime_but_core_ml_s() -> None:
    assert {*SUFFIXES} - {".safetensors"} == {*CONTAINERS} - {".mlpackage"}


def test_an_artifact_that_is_open_is_taken_as_it_is() -> None:
    opened = open_artifact(BUNDLED)
    assert artifact_for(opened, "ort") is opened
    assert artifact_for(str(BUNDLED), "ort").files == opened.files


@pytest.mark.parametrize("model", [None, 7, b"x", object()])
def test_what_is_no_path_is_told(model: object) -> None:
    if isinstance(model, bytes):
        with pytest.raises((BadInput, ArtifactError)):
            existing_file(model, "ort")
        return
    with pytest.raises(BadInput, match="runtime 'ort' loads a path, not"):
        existing_file(model, "ort")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("m.onnx", "onnx"),
        ("m-int8.onnx", "onnx-int8"),
        ("m-fp16.onnx", "onnx-fp16"),
        ("m-int8.tflite", "litert-int8"),
        ("m.ort", "ort"),
        ("m.ncnn.param", "ncnn"),
        ("int8.xml", "openvino"),
    ],
)
def test_a_file_is_called_after_its_format(name: str, expected: str) -> None:
    assert format_of(Path(name)) == expected


def test_large_images_are_run_in_smaller_chunks_and_none_is_lost() -> None:
    assert chunk_of((1, 28, 28)) == 64
    assert chunk_of((3, 224, 224)) == 6
    assert chunk_of((3, 1024, 1024)) == chunk_of((1, 28, 28), 1) == 1
    sizes = []

    def run(images: np.ndarray) -> np.ndarray:
        sizes.append(len(images))
        return images.reshape(len(images), -1).astype(np.float32)

    images = np.arange(70, dtype=np.uint8).reshape(10, 1, 7, 1)
    assert (in_chunks(run, images, 4) == images.reshape(10, 7)).all() and sizes == [4, 4, 2]
    assert (in_chunks(run, images[:4], 4) == images[:4].reshape(4, 7)).all() and sizes[3:] == [4]


COMPUTING = """
import sys, time
from mnistx_runtime import Predictor
path, name, threads, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
predictor = Predictor(path, name, threads)
images = predictor.certificate.images.repeat(64, axis=0)[:count]
torch = sys.modules.get("torch")
before = torch and torch.get_num_threads()
predictor.log_probs(images)
began, own = time.process_time(), time.thread_time()
while time.process_time() < began + 0.4:
    predictor.log_probs(images)
print((time.thread_time() - own) / (time.process_time() - began), before == (torch and torch.get_num_threads()))
"""
"""Prints which share of the CPU time the calling thread has used, and whether torch's own setting is as it was."""


@pytest.mark.parametrize("name", by_weight(BACKENDS))
def test_no_runtime_computes_on_more_threads_than_asked(name: str, tmp_path: Path) -> None:
    path = RELEASED
    if name != "torch":
        target = next(each for each in map(format_named, FORMATS) if each.runtime == name and not each.baseline)
        path = tmp_path / f"model{target.suffix}"
        export(model_from_checkpoint(RELEASED), target, path)
    for threads, count in (("1", "64"), ("2", "1")):
        command = [sys.executable, "-c", COMPUTING, str(path), name, threads, count]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        share, as_before = done.stdout.split()
        assert float(share) > 0.9 and as_before == "True"
