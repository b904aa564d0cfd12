"""The whole way, train, export, verify, predict, for data of a user's own and without any download."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from command import mnistx_process
from mnistx_export.golden import draw_digit
from mnistx_train.networks.cnn import NETWORKS
from paper import photo
from sets import idx_bytes

pytestmark = pytest.mark.slow

NO_DATA = {"MNISTX_DATA": "", "XDG_CACHE_HOME": "/nonexistent"}


def whole_way(dataset: str | Path, folder: Path, *train: str) -> dict[str, object]:
    """Train two epochs, export ONNX, verify it, and return what inspect says of it."""
    for args in (
        ("train", "--dataset", str(dataset), "--out", str(folder), "--device", "cpu", *train),
        ("export", "--format", "onnx", "--checkpoint", str(folder)),
        ("verify", str(folder / "model.onnx")),
    ):
        code, _, err = mnistx_process(*args, env=NO_DATA)
        assert code == 0, err
    _, out, _ = mnistx_process("inspect", folder / "model.onnx", "--json")
    values: dict[str, object] = json.loads(out)
    return values


def idx(path: Path, array: np.ndarray) -> None:
    path.write_bytes(gzip.compress(idx_bytes(array.astype(np.uint8))))


def test_digits_need_no_network_and_no_mnist(tmp_path: Path) -> None:
    values = whole_way("digits", tmp_path / "run", "--epochs", "5")
    assert values["dataset"] == "digits"
    photo(0, 1).save(tmp_path / "zero.png")
    code, out, err = mnistx_process(
        "predict", tmp_path / "zero.png", "--model", tmp_path / "run" / "model.onnx", env=NO_DATA
    )
    assert code == 0 and ": 0 (" in out, err


def test_a_variant_of_the_network(tmp_path: Path) -> None:
    assert "third-convolution" in NETWORKS  # the others differ from it in their widths
    whole_way("digits", tmp_path / "run", "--epochs", "5", "--recipe", "fast", "--network", "third-convolution")
    photo(0, 1).save(tmp_path / "zero.png")
    for runtime, model in (("ort", "model.onnx"), ("torch", "model.safetensors")):
        code, out, err = mnistx_process(
            "predict", tmp_path / "zero.png", "--model", tmp_path / "run" / model, "--runtime", runtime, env=NO_DATA
        )
        assert code == 0 and ": 0 (" in out, err


def test_a_folder_of_idx_files(tmp_path: Path) -> None:
    data = tmp_path / "mine"
    data.mkdir()
    for prefix, seeds in (("train", range(12)), ("t10k", range(12, 15))):
        digits = [(digit, seed) for seed in seeds for digit in (3, 7)]
        idx(data / f"{prefix}-images-idx3-ubyte.gz", np.stack([draw_digit(*pair) for pair in digits]))
        idx(data / f"{prefix}-labels-idx1-ubyte.gz", np.array([int(digit == 7) for digit, _ in digits]))
    (data / "names.txt").write_text("three\nseven\n")
    values = whole_way(data, tmp_path / "run", "--epochs", "3", "--batch-size", "4")
    assert values["names"] == ["three", "seven"] and values["dataset"] == "./mine"
    spec = values["input"]
    assert isinstance(spec, dict) and (spec["mean"], spec["std"]) != ([0.1307], [0.3081])


def test_a_folder_of_pictures(tmp_path: Path) -> None:
    data = tmp_path / "pages"
    for name, digit in (("zero", 0), ("one", 1)):
        (data / name).mkdir(parents=True)
        for seed in range(12):
            photo(digit, seed, side=160).save(data / name / f"{seed}.jpg")
    values = whole_way(data, tmp_path / "run", "--epochs", "6", "--batch-size", "4")
    assert values["names"] == ["one", "zero"]
    Image.fromarray(255 - draw_digit(1, 50, 200)).save(tmp_path / "page.png")
    _, out, _ = mnistx_process("predict", tmp_path / "page.png", "--model", tmp_path / "run" / "model.onnx", "--json")
    assert json.loads(out)["name"] == "one"
