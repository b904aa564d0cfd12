import json
import os
import shutil
import sys
import warnings
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import onnx
import pytest
import torch

from broken import MISTAKES, broken, written
from command import RELEASED, by_weight, json_lines, mnistx
from mnistx_export.defaults import checkpoint_path
from mnistx_export.deployed import deployed_module, example
from mnistx_export.describe import metadata
from mnistx_export.export import Exported, export, reference
from mnistx_export.format_results import draw_changed, lines
from mnistx_export.formats import FLOAT32, FORMATS, Format, Options, Tolerance, format_named
from mnistx_export.formats.onnx import onnx_bytes
from mnistx_export.int8_gate import Changed, Worth, changed
from mnistx_runtime import BadInput, VerificationFailed
from mnistx_runtime.artifact.verification import verify
from mnistx_runtime.backends.torch_session import PROPS_FILE
from mnistx_runtime.registry import look_up
from mnistx_train.checkpoint import load_checkpoint
from mnistx_train.datasets import TrainingData, source, training_data
from mnistx_train.errors import TrainError
from mnistx_train.inference import log_probs


@pytest.fixture(scope="module")
def training() -> TrainingData:
    return training_data(source("digits"))


EXACT = [name for name in FORMATS if format_named(name).tolerance == FLOAT32 and format_named(name).runtime]


def lenient(target: Format) -> Format:
    """The format for a model that was trained for a moment, and whose answers hang by a thread."""
    return target if target.tolerance == FLOAT32 else replace(target, tolerance=Tolerance(9.0, 0.1, 0.05))


def careless(target: Format, mistake: str) -> Format:
    """The format, written by a script with that mistake."""
    return replace(target, write=lambda module, *rest: target.write(broken(module, mistake), *rest))


@pytest.mark.parametrize("mistake", MISTAKES[:3])
@pytest.mark.parametrize("name", by_weight(EXACT))
def test_what_is_not_the_trained_model_is_caught_on_the_workstation_and_by_the_certificate_alone(
    name: str, mistake: str, digits_run: Path, tmp_path: Path
) -> None:
    network, card = load_checkpoint(digits_run / "model.safetensors")
    target = format_named(name)
    path = tmp_path / f"m{target.suffix}"
    path.write_text("what was there before")
    against = reference(network, card, source("digits").read(False))
    with pytest.raises(VerificationFailed, match="was not kept"):
        export(network, card, careless(target, mistake), path, atol=1e-4, against=against)
    assert path.read_text() == "what was there before"
    assert list(tmp_path.iterdir()) == [path]
    assert not verify(written(careless(target, mistake), network, card, path)).passed


@pytest.mark.parametrize("name", by_weight(EXACT))
def test_eval_forgotten_is_refused_made_up_for_or_caught(name: str, digits_run: Path, tmp_path: Path) -> None:
    network, card = load_checkpoint(digits_run / "model.safetensors")
    target = careless(format_named(name), "eval() forgotten")
    path = tmp_path / f"m{target.suffix}"
    if name in ("torchscript", "executorch"):
        with pytest.raises(Exception, match=r"eval mode|not in Core ATen"):
            written(target, network, card, path)
    else:
        assert verify(written(target, network, card, path)).passed == (name != "pt2")


@pytest.mark.parametrize("how", ["onnx", "torchscript"])
def test_eval_forgotten_in_a_script_that_keeps_training_mode_is_caught(
    how: str, digits_run: Path, tmp_path: Path
) -> None:
    network, card = load_checkpoint(digits_run / "model.safetensors")
    props, path = metadata(network, card, 1e-4).to_props(), tmp_path / f"m.{how}"
    module = broken(deployed_module(network, card.mean, card.std), "eval() forgotten")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if how == "onnx":
            training = torch.onnx.TrainingMode.TRAINING
            axes = {"image": {0: "batch"}}
            torch.onnx.export(
                *(module, (example(2),), path), training=training, dynamo=False, do_constant_folding=False,
                input_names=["image"], output_names=["log_probs"], dynamic_axes=axes,
            )  # fmt: skip
            path.write_bytes(onnx_bytes(onnx.load(path), props))
        else:
            traced = torch.jit.trace(module, example(2), check_trace=False)  # type: ignore[no-untyped-call]
            torch.jit.save(traced, path, _extra_files={PROPS_FILE: json.dumps(props)})
    found = verify(path)
    assert not found.passed and not found.parity.passed and found.metadata == "match"


@pytest.mark.parametrize("name", [name for name in FORMATS if format_named(name).tolerance != FLOAT32])
@pytest.mark.slow
def test_reduced_precision_without_normalization_is_not_left_either(
    name: str, digits_run: Path, training: TrainingData, tmp_path: Path
) -> None:
    network, card = load_checkpoint(digits_run / "model.safetensors")
    target = careless(format_named(name), "normalization dropped")
    with pytest.raises(VerificationFailed, match="was not kept"):
        export(network, card, target, tmp_path / f"m{target.suffix}", options=Options(training=training))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", by_weight(FORMATS))
def test_an_export_that_passes_is_kept_and_verifies(
    name: str, digits_run: Path, training: TrainingData, tmp_path: Path
) -> None:
    network, card = load_checkpoint(digits_run / "model.safetensors")
    target = lenient(format_named(name))
    path = tmp_path / "new" / f"m{target.suffix}"
    found = export(network, card, target, path, options=Options(training=training), max_drop=1)
    assert found.passed and found.float32 is None
    assert target.unverified or verify(found.path).passed
    written = [file for file in path.parent.rglob("*") if file.is_file()]
    assert found.size == sum(file.stat().st_size for file in written)
    assert {str(file.relative_to(path.parent)) for file in written} == found.sha256.keys()
    again = export(network, card, target, path, options=Options(training=training), max_drop=1)
    assert name == "ort" or again.sha256 == found.sha256


@pytest.mark.parametrize(
    ("ratios", "drop", "told"),
    [((0.9, 0.8), 0.0, "neither smaller nor faster"), ((3.9, 1.6), 0.06, "loses 0.06 points of accuracy")],
)
def test_int8_that_is_worse_is_refused_and_not_left(
    ratios: tuple[float, float],
    drop: float,
    told: str,
    digits_run: Path,
    training: TrainingData,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mnistx_export.export.worth", lambda *_: Worth(drop, 5000, *ratios, ()))
    network, card = load_checkpoint(digits_run / "model.safetensors")
    options = Options(training=training)
    with pytest.raises(VerificationFailed, match=f"was not kept: .*{told}"):
        export(network, card, lenient(format_named("onnx-int8")), tmp_path / "m.onnx", options=options)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ratios", [(0.9, 1.1), (1.1, 0.9)])
def test_int8_that_is_smaller_or_faster_is_worth_it(ratios: tuple[float, float]) -> None:
    assert Worth(0.05, 5000, *ratios, ()).objection(0.05) is None


def test_a_validation_image_that_is_lost_is_refused_and_listed(digits_run: Path, training: TrainingData) -> None:
    network, card = load_checkpoint(digits_run / "model.safetensors")
    images = training.validation
    answers = log_probs(network, images.images, card.mean, card.std)
    other = answers.copy()
    other[3] = np.roll(other[3], 1)
    (found,) = changed("validation", images.labels, answers, other, card.names)
    assert (found.index, found.label) == (3, card.names[images.labels[3]]) and found.before != found.after


def test_changed_predictions_are_drawn_in_the_run_folder_and_nowhere_else(
    digits_run: Path, training: TrainingData, tmp_path: Path
) -> None:
    found = Exported(tmp_path, "onnx-int8", 1, {}, None, changed=(Changed("validation", 3, "7", "7", "1"),))
    shutil.copytree(digits_run, tmp_path / "run")
    (tmp_path / "elsewhere").mkdir()
    for folder in ("run", "elsewhere"):
        draw_changed(tmp_path / folder / "model.safetensors", found, training, None)
    assert (tmp_path / "run" / "changed-onnx-int8.png").is_file()
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert "validation image 3, a 7: 7 became 1" in "\n".join(lines(found))


def test_several_formats_make_a_table_and_one_that_fails_stops_none(
    digits_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    formats = ["--format", "pt2", "--format", "onnx", "--format", "torchscript"]
    monkeypatch.setitem(FORMATS, "onnx", "test_export_broken:ONNX")
    module = ModuleType("test_export_broken")
    module.ONNX = careless(look_up({"o": "mnistx_export.formats.onnx:ONNX"}, "o", ""), MISTAKES[1])  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "test_export_broken", module)
    found = mnistx("export", *formats, "--checkpoint", digits_run, "--out", tmp_path)
    assert found.exit_code == 1
    assert [line.split()[0] for line in found.stdout.splitlines()] == ["format", "pt2", "onnx", "torchscript"]
    assert "was not kept" in found.stdout.splitlines()[2]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.pt2", "model.torchscript"]
    found = mnistx("export", *formats, "--checkpoint", digits_run, "--out", tmp_path, "--json")
    assert found.exit_code == 1
    assert [values.get("exit_code", 0) for values in json_lines(found)] == [0, 1, 0]


def test_all_says_why_a_format_cannot_be_written_and_counts_it_as_no_failure(
    digits_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mnistx_export.formats.find_spec", lambda _: None)
    table = {name: row for name, row in FORMATS.items() if name != "onnx-int8"}
    for name in FORMATS.keys() - table.keys():
        monkeypatch.delitem(FORMATS, name)
    found = mnistx("export", "--format", "all", "--checkpoint", digits_run, "--out", tmp_path)
    assert found.exit_code == 0, found.output
    rows = found.stdout.splitlines()[1:]
    assert [row.split()[0] for row in rows] == list(FORMATS)
    assert sum("pip install" in row for row in rows) == sum(bool(format_named(name).needs) for name in FORMATS)


def test_int8_without_training_images_says_so_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNISTX_DATA", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    found = mnistx("export", "--format", "onnx-int8", "--checkpoint", RELEASED, "--out", tmp_path)
    assert found.exit_code == 2 and "calibrated on training images" in found.stderr
    assert list(tmp_path.iterdir()) == []


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
        (["--format", "onnx", "--format", "pt2", "--out", "m.onnx"], "several formats need a folder"),
        (["--format", "onnx", "--max-drop", "-1"], "--max-drop"),
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
