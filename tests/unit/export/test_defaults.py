import json
import os
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from command import mnistx
from mnistx_export.checkpoint_model import model_from_checkpoint
from mnistx_export.checkpoint_session import CheckpointSession
from mnistx_export.defaults import checkpoint_path, data_source
from mnistx_runtime import BadInput
from mnistx_train.checkpoint import save_checkpoint
from mnistx_train.errors import NotAtHand
from mnistx_train.networks.cnn import cnn
from mnistx_train.runs import Config
from sets import CARD, write_idx_folder


def test_the_last_finished_run_comes_before_the_released_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match="name one with --checkpoint"):
        checkpoint_path(None)
    released = Path("artifacts/mnist-cnn.safetensors")
    released.parent.mkdir()
    released.touch()
    assert checkpoint_path(None) == released
    for moment, name in enumerate(["002-a", "001-b", "003-unfinished"]):
        folder = Path("artifacts/runs") / name
        folder.mkdir(parents=True)
        if name != "003-unfinished":
            (folder / "model.safetensors").touch()
            os.utime(folder / "model.safetensors", (moment, moment))
    assert checkpoint_path(None) == Path("artifacts/runs/001-b/model.safetensors")
    assert checkpoint_path(Path("artifacts/runs/002-a")) == Path("artifacts/runs/002-a/model.safetensors")
    assert checkpoint_path(released) == released


def write_checkpoint(folder: Path, dataset: str) -> Path:
    folder.mkdir(parents=True)
    path = folder / "model.safetensors"
    save_checkpoint(path, cnn(3), replace(CARD, names=("0", "1", "2"), dataset=dataset))
    return path


def write_run_json(folder: Path, dataset: Path) -> None:
    config = Config(
        dataset=str(dataset), recipe="report", epochs=1, batch_size=64, lr=0.1, seed=0, device="cpu", threads=1,
        data_sha256="", versions={},
    )  # fmt: skip
    (folder / "run.json").write_text(json.dumps(asdict(config)))


def test_a_data_set_of_ones_own_is_not_looked_for_in_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_idx_folder(tmp_path / "own", count=3)
    checkpoint = write_checkpoint(tmp_path / "models", "./own")
    metadata = model_from_checkpoint(checkpoint).metadata

    with pytest.raises(NotAtHand, match=r"\./own, which model\.safetensors .* name the folder .* --data-dir"):
        data_source(checkpoint, metadata, None, download=True)
    found = mnistx("evaluate", checkpoint)
    assert found.exit_code == 2 and "--data-dir" in found.stderr

    elsewhere = tmp_path / "elsewhere"
    write_idx_folder(elsewhere / "own", count=6)
    assert len(data_source(checkpoint, metadata, elsewhere, download=True).read(False)) == 6
    with pytest.raises(NotAtHand, match=r"isn't at .*models.own; name the folder that it is in with --data-dir"):
        data_source(checkpoint, metadata, tmp_path / "models", download=True)


def test_a_run_folder_says_where_the_data_set_of_its_models_lies(tmp_path: Path) -> None:
    write_idx_folder(tmp_path / "data" / "own", count=6)
    checkpoint = write_checkpoint(tmp_path / "run", "./own")
    metadata = model_from_checkpoint(checkpoint).metadata
    write_run_json(tmp_path / "run", tmp_path / "data" / "own")

    for model in (checkpoint, tmp_path / "run" / "model.onnx"):
        assert len(data_source(model, metadata, None, download=False).read(False)) == 6

    write_run_json(tmp_path / "run", tmp_path / "data" / "other")
    with pytest.raises(NotAtHand, match="no model says where such lies"):
        data_source(checkpoint, metadata, None, download=False)
    write_run_json(tmp_path / "run", tmp_path / "gone" / "own")
    with pytest.raises(NotAtHand, match=r"isn't at .*gone.own; name the folder that it is in with --data-dir"):
        data_source(checkpoint, metadata, None, download=False)


def test_who_goes_on_with_golden_images_says_what_names_the_data_set(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    checkpoint = write_checkpoint(tmp_path / "models", "./own")
    said = "on golden images only: ./own, which model.safetensors was trained on, is a data set of one's own"

    exported = mnistx("export", "--format", "onnx", "--checkpoint", checkpoint)
    compared = mnistx("compare", checkpoint.with_suffix(".onnx"), "--against", checkpoint)

    for found in (exported, compared):
        assert found.exit_code == 0 and said in found.stderr and "--data-dir" in found.stderr
    assert CheckpointSession(checkpoint, 1).test_set(None) is None  # as benchmark asks
    assert said in caplog.text
