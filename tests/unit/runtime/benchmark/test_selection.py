import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from mnistx_runtime import ArtifactError, BackendUnavailable, BadInput
from mnistx_runtime.backends import format_of, runtime_of
from mnistx_runtime.benchmark import selection
from mnistx_runtime.benchmark.evaluation_set import EvaluationSet
from mnistx_runtime.benchmark.selection import _checkpoint_of, images_for, leave_out_foreign, select_artifacts
from mnistx_runtime.bundled import BUNDLED
from mnistx_runtime.predictor import Predictor


def test_only_the_formats_and_runtimes_that_were_asked_for_are_left(tmp_path: Path) -> None:
    for name in ("m.onnx", "m-int8.onnx", "m-fp16.onnx", "m.ort", "notes.txt"):
        (tmp_path / name).touch()
    assert [p.name for p, _ in select_artifacts([tmp_path], None, ["onnx-int8", "ort"])] == ["m-int8.onnx", "m.ort"]
    names = [path.name for path, _ in select_artifacts([tmp_path], None, None)]
    assert names == ["m.onnx", "m-fp16.onnx", "m-int8.onnx", "m.ort"]
    assert len(select_artifacts([tmp_path], ["ort"], None)) == 4


def test_a_file_is_called_after_its_format() -> None:
    from mnistx_export.formats import FORMATS
    from mnistx_export.formats.base import format_named

    for target in map(format_named, FORMATS):
        path = Path(f"my-model{target.variant}{target.suffix}")
        assert target.unverified or format_of(path) == target.name


def test_without_files_the_bundled_model_is_measured() -> None:
    assert select_artifacts([], None, None) == [(BUNDLED, "ort")]


def test_in_a_folder_what_cannot_run_here_is_left_out_and_a_named_file_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("m.onnx", "m.tflite"):
        (tmp_path / name).touch()
    monkeypatch.setattr("mnistx_runtime.registry.find_spec", lambda _: None)
    assert [path.name for path, _ in select_artifacts([tmp_path], None, None)] == ["m.onnx"]
    with pytest.raises(BackendUnavailable):
        select_artifacts([tmp_path / "m.tflite"], None, None)


def test_what_is_no_artifact_of_mnistx_is_left_out_of_a_folder_and_told(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(BUNDLED.read_bytes())
    (tmp_path / "other.onnx").write_bytes(b"nonsense")
    (tmp_path / "other.tflite").touch()
    save_file({"w": np.zeros(3, np.float32)}, tmp_path / "other.safetensors")
    (tmp_path / "folder.safetensors").mkdir()
    chosen = [(path, runtime_of(path)) for path in sorted(tmp_path.iterdir())]
    told: list[str] = []
    assert leave_out_foreign(chosen, [tmp_path], told.append) == [(tmp_path / "m.onnx", "ort")]
    assert len(told) == 4 and all(line.startswith(f"left out: {tmp_path}") for line in told)
    assert leave_out_foreign(chosen, [path for path, _ in chosen], print) == chosen
    with pytest.raises(BadInput, match="no artifact is left"):
        leave_out_foreign(chosen[2:], [tmp_path], told.append)


def test_what_lies_beside_an_artifact_and_is_no_checkpoint_of_it_is_not_asked(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(BUNDLED.read_bytes())
    save_file({"w": np.zeros(3, np.float32)}, tmp_path / "a.safetensors")
    (tmp_path / "b.safetensors").write_bytes(b"\xff" * 100)
    (tmp_path / "c.safetensors").mkdir()
    (tmp_path / "d.safetensors").symlink_to("nowhere")
    (tmp_path / "e.safetensors").touch()
    found = _checkpoint_of(tmp_path / "m.onnx", replace(Predictor().metadata, weights_sha256="none"))
    assert found is None


@pytest.mark.parametrize(
    ("args", "error", "why"),
    [
        (([Path("m.h5")], None, None), ArtifactError, "no runtime reads"),
        (([], ["tensorrt"], None), BadInput, "no runtime 'tensorrt'"),
        (([], ["ncnn"], None), BadInput, "no artifact is left"),
        (([], None, ["pt2"]), BadInput, "no artifact of format 'pt2'"),
    ],
)
def test_what_cannot_be_measured_is_told(args: Any, error: type[Exception], why: str) -> None:
    with pytest.raises(error, match=why):
        select_artifacts(*args)


class Checkpoint:
    """A trained model's session, and the backend that loads it."""

    def __init__(self, weights_sha256: str) -> None:
        self.metadata = SimpleNamespace(weights_sha256=weights_sha256)
        self.set = EvaluationSet(np.zeros((1, 1, 28, 28), np.uint8), np.zeros((1, 10)), np.zeros(1, np.int64), "all")

    def load(self, path: Path, threads: int) -> "Checkpoint":
        if not path.is_file():
            raise ArtifactError("no such file")
        return self

    def test_set(self, data_dir: Path | None) -> EvaluationSet:
        return replace(self.set, what=f"all in {data_dir}")


def beside_checkpoint(monkeypatch: pytest.MonkeyPatch, folder: Path, weights_sha256: str) -> tuple[Path, str]:
    monkeypatch.setattr(selection, "backend", lambda _: Checkpoint(weights_sha256))
    monkeypatch.chdir(folder)
    (folder / "m.safetensors").write_bytes(b"x")
    (folder / "m.onnx").write_bytes(BUNDLED.read_bytes())
    return folder / "m.onnx", "ort"


def test_the_test_images_are_those_of_the_checkpoint_of_the_same_weights(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    artifact = beside_checkpoint(monkeypatch, tmp_path, Predictor().metadata.weights_sha256)
    assert images_for(artifact, Path("d")).what == f"all in {Path('d')}"


def test_another_checkpoint_is_not_asked_and_golden_images_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    artifact = beside_checkpoint(monkeypatch, tmp_path, "0" * 64)
    found = images_for(artifact, None)
    assert found.labels is None and found.what == "44 golden images" and found.log_probs.shape == (44, 10)
    with pytest.raises(BadInput, match="--data-dir needs mnistx-export"):
        images_for(artifact, tmp_path)


def test_without_export_the_golden_images_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: str) -> None:
        raise BackendUnavailable("mnistx-export is missing")

    monkeypatch.setattr(selection, "backend", refuse)
    assert images_for((BUNDLED, "ort"), None).what == "44 golden images"
    assert os.path.sep in str(BUNDLED)
