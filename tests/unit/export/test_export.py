import os
import shutil
from pathlib import Path

import pytest
import torch

from command import RELEASED, mnistx
from mnistx_export.choose import checkpoint_path
from mnistx_export.deployed import deployed_module
from mnistx_export.export import export
from mnistx_export.formats import FORMATS, Format, Options, format_named
from mnistx_runtime import BadInput, VerificationFailed
from mnistx_runtime.verification import verify
from mnistx_train.checkpoint import load_checkpoint
from mnistx_train.errors import TrainError
from mnistx_train.network import Normalize


def broken(target: Format, kind: str) -> Format:
    """The format with a mistake that export scripts make."""

    def write(module: torch.nn.Module, props: dict[str, str], options: Options) -> bytes:
        normalize, *layers = module.children()
        assert isinstance(normalize, Normalize) and isinstance(layers[0], torch.nn.Conv2d)
        if kind == "weight":
            layers[0].weight.data[0, 0, 0, 0] += 0.05
        mean = {"mean": normalize.mean + 0.001, "normalization dropped": 0.0}.get(kind, normalize.mean)
        std = 1.0 if kind == "normalization dropped" else normalize.std
        return target.write(deployed_module(torch.nn.Sequential(*layers), mean, std), props, options)

    return Format(target.name, target.suffix, write)


@pytest.mark.parametrize("kind", ["weight", "mean", "normalization dropped"])
@pytest.mark.parametrize("name", FORMATS)
def test_what_is_not_the_trained_model_is_not_left_on_disk(
    name: str, kind: str, digits_run: Path, tmp_path: Path
) -> None:
    network, card = load_checkpoint(digits_run / "model.safetensors")
    target = format_named(name)
    path = tmp_path / f"m{target.suffix}"
    path.write_text("what was there before")
    with pytest.raises(VerificationFailed, match="was not kept"):
        export(network, card, broken(target, kind), path, atol=1e-4)
    assert path.read_text() == "what was there before"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", FORMATS)
def test_an_export_that_passes_is_kept_and_verifies(name: str, digits_run: Path, tmp_path: Path) -> None:
    network, card = load_checkpoint(digits_run / "model.safetensors")
    target = format_named(name)
    found = export(network, card, target, tmp_path / "new" / f"m{target.suffix}", atol=1e-4)
    assert found.passed and found.float32 is None and verify(found.path).passed
    assert found.size == found.path.stat().st_size
    assert [path.name for path in found.path.parent.iterdir()] == [found.path.name]


def test_a_tolerance_that_no_float32_can_keep_fails_with_1(digits_run: Path, tmp_path: Path) -> None:
    found = mnistx("export", "--format", "onnx", "--checkpoint", digits_run, "--out", tmp_path, "--atol", "1e-12")
    assert found.exit_code == 1 and "was not kept" in found.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_command_verifies_on_the_test_images_and_says_where_the_file_is(digits_run: Path, tmp_path: Path) -> None:
    found = mnistx("export", "--format", "onnx", "--checkpoint", digits_run, "--out", tmp_path)
    assert found.exit_code == 0, found.stderr
    assert f"{tmp_path / 'model.onnx'}: onnx" in found.stdout
    assert found.stdout.count("0 of 300 predictions changed") == 3
    assert "digits" in found.stderr


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["--format", "onxx"], "did you mean 'onnx'"),
        (["--format", "onnx", "--opset", "13"], "18 to 24 can"),
        (["--format", "torchscript", "--opset", "20"], "--opset is for ONNX"),
        (["--format", "onnx", "--out", "{file}/below"], "can't write to"),
        (["--format", "onnx", "--atol", "0"], "--atol"),
        (["--format", "onnx", "--checkpoint", "missing.safetensors"], "no such checkpoint"),
        (["--format", "onnx", "--checkpoint", "{file}"], "is not a checkpoint of mnistx"),
        (["--format", "onnx", "--data-dir", "{folder}", "--checkpoint", "{mnist}"], "holds no MNIST/raw"),
        ([], "Missing option '--format'"),
    ],
)
def test_bad_input_gets_one_clear_line_and_nothing_is_written(
    args: list[str], told: str, digits_run: Path, tmp_path: Path
) -> None:

    (tmp_path / "file").write_text("text")
    (tmp_path / "folder").mkdir()
    shutil.copy(RELEASED, tmp_path / "mnist.safetensors")
    for name in ("file", "folder", "mnist"):
        suffix = ".safetensors" if name == "mnist" else ""
        args = [arg.replace(f"{{{name}}}", str(tmp_path / f"{name}{suffix}")) for arg in args]
    before = sorted(tmp_path.rglob("*"))
    chosen = [] if "--checkpoint" in args else ["--checkpoint", str(digits_run)]
    found = mnistx("export", *chosen, *args)
    assert found.exit_code == 2
    assert told in found.stderr and "Traceback" not in found.output
    assert sorted(tmp_path.rglob("*")) == before


def test_a_file_of_another_ending_is_refused(digits_run: Path, tmp_path: Path) -> None:
    network, card = load_checkpoint(digits_run / "model.safetensors")
    with pytest.raises(BadInput, match=r"ends in \.onnx"):
        export(network, card, format_named("onnx"), tmp_path / "m.pb", atol=1e-4)
    with pytest.raises(BadInput, match="is a folder"):
        (tmp_path / "m.onnx").mkdir()
        export(network, card, format_named("onnx"), tmp_path / "m.onnx", atol=1e-4)


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


def test_a_damaged_checkpoint_is_told(digits_run: Path, tmp_path: Path) -> None:
    whole = (digits_run / "model.safetensors").read_bytes()
    for size in (0, 4, 1000, len(whole) - 1):
        (tmp_path / "cut.safetensors").write_bytes(whole[:size])
        with pytest.raises(TrainError, match="is not a checkpoint of mnistx"):
            load_checkpoint(tmp_path / "cut.safetensors")
