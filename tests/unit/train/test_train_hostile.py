"""Input that once ended in a traceback, or in hours of training before an error."""

import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from command import mnistx
from mnistx_train import figures, torches
from mnistx_train.checkpoint import save_tensors
from mnistx_train.datasets import Split, TrainingData, published, source, stratified
from mnistx_train.datasets.idx import read_idx
from mnistx_train.errors import TrainError
from mnistx_train.loop import State, fresh_state, load_state, run_epoch, save_state
from mnistx_train.metrics import measure, wilson
from mnistx_train.network import cnn
from mnistx_train.recipes import recipe
from mnistx_train.run import begin
from mnistx_train.runs import new_run
from sets import idx_bytes

NOISE = np.random.default_rng(0)


def idx_folder(folder: Path, train: list[int], test: list[int], blank: bool = False) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for prefix, labels in (("train", train), ("t10k", test)):
        images = NOISE.integers(0, 1 if blank else 256, (len(labels), 28, 28)).astype(np.uint8)
        (folder / f"{prefix}-images-idx3-ubyte").write_bytes(idx_bytes(images))
        (folder / f"{prefix}-labels-idx1-ubyte").write_bytes(idx_bytes(np.array(labels, np.uint8)))
    return folder


def fresh(classes: int = 10) -> State:
    return fresh_state(recipe("report"), classes, 0, torch.device("cpu"))


def refused(*args: str | Path) -> str:
    found = mnistx(*args)
    assert found.exit_code == 2, repr(found.exception)
    return found.stderr


def test_a_state_of_another_network_is_told(tmp_path: Path) -> None:
    save_state(tmp_path / "s", fresh(3))
    with pytest.raises(TrainError, match="isn't the state of this run"):
        load_state(tmp_path / "s", fresh(10))


@pytest.mark.parametrize("prefix", ["", "network."])
def test_a_checkpoint_is_no_state(tmp_path: Path, prefix: str) -> None:
    save_tensors(tmp_path / "s", {prefix + name: tensor for name, tensor in cnn().state_dict().items()}, {})
    with pytest.raises(TrainError, match="isn't the state of this run"):
        load_state(tmp_path / "s", fresh())


def test_a_corrupt_gzip_file_is_told(tmp_path: Path) -> None:
    data = bytearray(gzip.compress(idx_bytes(NOISE.integers(0, 256, 5000).astype(np.uint8))))
    data[10:60] = bytes(byte ^ 0xFF for byte in data[10:60])
    (tmp_path / "x-ubyte.gz").write_bytes(data)
    with pytest.raises(TrainError, match="can't be read as an IDX file"):
        read_idx(tmp_path / "x-ubyte.gz")


def test_names_that_are_not_utf8_are_told(tmp_path: Path) -> None:
    idx_folder(tmp_path, [0, 1] * 4, [0, 1])
    (tmp_path / "names.txt").write_bytes(b"\xff\nb\n")
    with pytest.raises(TrainError, match="UTF-8"):
        source(str(tmp_path))


def test_a_label_that_only_the_test_images_have_is_a_class_without_training_images(tmp_path: Path) -> None:
    folder = idx_folder(tmp_path / "d", [0, 1] * 4, [0, 1, 2])
    assert source(str(folder)).names == ("0", "1", "2")
    (folder / "names.txt").write_text("a\nb\n")
    assert "names 2 classes, the labels need 3" in refused("data", "stats", "--dataset", folder)


def test_hidden_folders_are_no_classes(tmp_path: Path) -> None:
    for name in ("a", "b", ".git"):
        (tmp_path / name).mkdir()
    assert source(str(tmp_path)).names == ("a", "b")


def test_a_class_that_only_test_has_is_told(tmp_path: Path) -> None:
    for name in ("train/a", "train/b", "test/a", "test/c"):
        (tmp_path / name).mkdir(parents=True)
    with pytest.raises(TrainError, match="classes that train/ lacks: c"):
        source(str(tmp_path))


@pytest.mark.parametrize("option", [("--seed", str(2**64)), ("--lr", "nan"), ("--lr", "inf"), ("--lr", "-1")])
def test_numbers_out_of_range_leave_nothing(option: tuple[str, str], tmp_path: Path) -> None:
    assert option[0] in refused("train", "--dataset", "digits", *option, "--out", tmp_path / "o")
    assert not list(tmp_path.iterdir())


def test_a_run_that_diverges_says_so() -> None:
    state = fresh(2)
    torch.nn.init.constant_(next(state.learner.parameters()), float("nan"))
    split = Split(NOISE.integers(0, 256, (4, 28, 28)).astype(np.uint8), np.array([0, 1, 0, 1]))
    with pytest.raises(TrainError, match="no longer finite in epoch 1; train with a smaller --lr"):
        run_epoch(state, replace(recipe("report"), batch_size=2), TrainingData(split, split, 0.1, 0.3), 0)
    assert state.history == []


@pytest.mark.parametrize("name", ["x" * 300, "", "no/such/folder"])
def test_names_that_no_data_set_has(name: str) -> None:
    assert "no data set" in refused("train", "--dataset", name)


@pytest.mark.parametrize("name", ["$^$", "a$b$c", "<b>"])
def test_class_names_are_drawn_as_they_are(name: str) -> None:
    metrics = measure(np.log(np.full((2, 2), 0.5)), np.array([0, 1]))
    assert figures.confusion(metrics, [name, "b"]).startswith(b"\x89PNG")
    assert figures.misclassified(metrics, np.zeros((2, 28, 28), np.uint8), [name, "b"]).startswith(b"\x89PNG")


def test_no_torchvision_at_all_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torches, "find_spec", lambda _: None)
    with pytest.raises(TrainError, match="pip install torch torchvision"):
        torches.torchvision()


def test_a_download_that_was_interrupted_is_not_at_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MNISTX_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    raw = idx_folder(tmp_path / "mnistx/MNIST/raw", [0, 1], [0, 1])
    assert published.root("MNIST", None) is not None
    (raw / "train-labels-idx1-ubyte").unlink()
    assert published.root("MNIST", None) is None


def started(folder: Path, **changed: Any) -> Path:
    _, config = begin({"dataset": "digits", "device": "cpu"}, None, False)
    new_run(config, folder)
    values = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(values | changed))
    return folder


def test_auto_agrees_with_what_it_chose(tmp_path: Path) -> None:
    folder, config = begin({"device": "auto"}, started(tmp_path / "o"), True)
    assert folder == tmp_path / "o" and config.device == "cpu"


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_a_cuda_run_is_not_resumed_without_cuda(tmp_path: Path) -> None:
    assert "no CUDA device" in refused("train", "--resume", "--out", started(tmp_path / "o", device="cuda"))


def test_a_picture_that_cannot_be_read_is_named_once(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.png").write_bytes(b"x")
    with pytest.raises(TrainError) as progress:
        source(str(tmp_path)).read(True)
    assert str(progress.value).count("1.png") == 1


def test_the_interval_stays_inside() -> None:
    assert wilson(0, 3)[0] == 0 and wilson(20, 20)[1] == 1


def test_blank_images_are_told_before_training(tmp_path: Path) -> None:
    folder = idx_folder(tmp_path / "d", [0, 1] * 10, [0, 1], blank=True)
    assert "of one brightness" in refused("train", "--dataset", folder, "--out", tmp_path / "o")
    assert not (tmp_path / "o").exists()


def test_a_small_class_is_tested_too() -> None:
    labels = np.array([0] * 100 + [1] * 3)
    kept, off = stratified(Split(np.zeros((103, 28, 28), np.uint8), labels), 1 / 6)
    assert set(off.labels.tolist()) == {0, 1} == set(kept.labels.tolist())
    assert len(kept) + len(off) == 103
