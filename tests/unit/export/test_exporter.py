import logging
import os
import random
import signal
import sys
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from broken import MISTAKES, broken, careless, write_unverified
from command import by_weight
from mnistx_export import Model, Settings, export
from mnistx_export.checkpoint_model import model_from_checkpoint, model_with_data
from mnistx_export.formats import FORMATS
from mnistx_export.formats.base import Conversion, Format, format_named
from mnistx_export.formats.onnx import onnx_bytes
from mnistx_export.int8_gate import Int8Gate
from mnistx_runtime import ArtifactError, BadInput, InputSpec, Tolerance, VerificationFailed, verify
from mnistx_runtime.artifact.archive import read_archive, write_archive
from mnistx_runtime.artifact.container import open_artifact, seal
from mnistx_runtime.artifact.parity import FLOAT32


@pytest.fixture(scope="module")
def model(digits_run: Path) -> Model:
    """A model that was trained for a moment, with its data."""
    return model_with_data(digits_run / "model.safetensors", None, with_training=True)[0]


@pytest.fixture(scope="module")
def bare(digits_run: Path) -> Model:
    """The same without any images but the golden ones."""
    return model_from_checkpoint(digits_run / "model.safetensors")


EXACT = [name for name in FORMATS if format_named(name).tolerance == FLOAT32 and format_named(name).runtime]
FILES = [name for name in EXACT if not format_named(name).folder]


def lenient(target: Format) -> Format:
    """The format for a model that was trained for a moment, and whose answers hang by a thread."""
    return target if target.tolerance == FLOAT32 else replace(target, tolerance=Tolerance(9.0, 0.1, 0.05))


@pytest.mark.parametrize("mistake", MISTAKES[:3])
@pytest.mark.parametrize("name", by_weight(FILES))
def test_what_is_not_the_trained_model_is_caught_on_the_workstation_and_by_the_certificate_alone(
    name: str, mistake: str, model: Model, tmp_path: Path
) -> None:
    target = format_named(name)
    path = tmp_path / f"m{target.suffix}"
    path.write_text("what was there before")
    with pytest.raises(VerificationFailed, match="was not kept"):
        export(model, careless(target, mistake), path, Settings(atol=1e-4))
    assert path.read_text() == "what was there before"
    assert list(tmp_path.iterdir()) == [path]
    found = verify(write_unverified(careless(target, mistake), model, path))
    assert found.differences == ["answers"]


@pytest.mark.parametrize("mistake", MISTAKES[:3])
def test_of_a_folder_too(mistake: str, model: Model, tmp_path: Path) -> None:
    target = careless(format_named("c"), mistake)
    path = tmp_path / "m.c99"
    path.mkdir()
    (path / "m.c").write_text("what was there before")
    with pytest.raises(VerificationFailed, match="was not kept"):
        export(model, target, path, Settings(atol=1e-4))
    assert [file.read_text() for file in tmp_path.rglob("*") if file.is_file()] == ["what was there before"]
    assert verify(write_unverified(target, model, tmp_path / "other.c99")).differences == ["answers"]


def test_a_folder_that_holds_another_model_s_code_is_left_alone(model: Model, tmp_path: Path) -> None:
    path = tmp_path / "m.c99"
    path.mkdir()
    (path / "other.c").write_text("int other;\n")
    with pytest.raises(BadInput, match=r"m\.c99 holds other\.c: name another folder"):
        export(model, "c", path)
    assert [file.name for file in path.iterdir()] == ["other.c"]


@pytest.mark.parametrize("name", by_weight(EXACT))
def test_eval_forgotten_is_refused_made_up_for_or_caught(name: str, bare: Model, tmp_path: Path) -> None:
    target = careless(format_named(name), "eval() forgotten")
    path = tmp_path / f"m{target.suffix}"
    if name in ("torchscript", "executorch"):
        with pytest.raises(Exception, match=r"eval mode|not in Core ATen"):
            write_unverified(target, bare, path)
    else:
        assert verify(write_unverified(target, bare, path)).passed == (name != "pt2")


@pytest.mark.parametrize("how", ["onnx", "torchscript"])
def test_eval_forgotten_in_a_script_that_keeps_training_mode_is_caught(how: str, bare: Model, tmp_path: Path) -> None:
    path = tmp_path / f"m.{how}"
    module, example = broken(bare.deployed, "eval() forgotten"), Conversion(bare.deployed, bare.spec).example(2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if how == "onnx":
            training = torch.onnx.TrainingMode.TRAINING
            axes = {"image": {0: "batch"}}
            torch.onnx.export(
                *(module, (example,), path), training=training, dynamo=False, do_constant_folding=False,
                input_names=["image"], output_names=["log_probs"], dynamic_axes=axes,
            )  # fmt: skip
            payload = onnx_bytes(onnx.load(path))
        else:
            traced = torch.jit.trace(module, example, check_trace=False)  # type: ignore[no-untyped-call]
            torch.jit.save(traced, path)
            payload = write_archive(read_archive(path.read_bytes(), "m"))
    (data,) = seal(path.suffix, {path.suffix: payload}, bare.metadata, bare.certificate(FLOAT32)).values()
    path.write_bytes(data)
    if how == "onnx":
        assert verify(path).differences == ["answers"]
    else:  # what isn't frozen holds its weights elsewhere than mnistx's do
        with pytest.raises(ArtifactError, match="which mnistx never writes"):
            verify(path)


@pytest.mark.parametrize("name", [name for name in FORMATS if format_named(name).tolerance != FLOAT32])
@pytest.mark.slow
def test_reduced_precision_without_normalization_is_not_left_either(name: str, model: Model, tmp_path: Path) -> None:
    target = careless(format_named(name), "normalization dropped")
    with pytest.raises(VerificationFailed, match="was not kept"):
        export(model, target, tmp_path / f"m{target.suffix}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", by_weight(FORMATS))
def test_an_export_that_passes_is_kept_and_verifies(name: str, model: Model, tmp_path: Path) -> None:
    target = lenient(format_named(name))
    path = tmp_path / "new" / f"m{target.suffix}"
    found = export(model, target, path, Settings(max_drop=1))
    assert found.passed and (found.float32 is not None) == (not target.unverified)
    assert target.unverified or verify(found.path).passed
    written = [file for file in path.parent.rglob("*") if file.is_file()]
    assert found.size == sum(file.stat().st_size for file in written)
    assert {str(file.relative_to(path.parent)) for file in written} == found.sha256.keys()
    again = export(model, target, path, Settings(max_drop=1))
    assert name == "ort" or again.sha256 == found.sha256
    artifact = open_artifact(path)
    assert artifact.is_as_exported and artifact.metadata.flops == model.flops == 8_482_304


@pytest.mark.slow
def test_int8_is_quantized_once_an_export(model: Model, tmp_path: Path) -> None:
    target, calls = lenient(format_named("onnx-int8")), list[int]()

    def write(conversion: Conversion) -> dict[str, bytes]:
        calls.append(1)
        return target.write(conversion)

    export(model, replace(target, write=write), tmp_path / "m.onnx", Settings(max_drop=1))
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("ratios", "drop", "told"),
    [((0.9, 0.8), 0.0, "neither smaller nor faster"), ((3.9, 1.6), 0.06, "loses 0.06 points of accuracy")],
)
def test_int8_that_is_worse_is_refused_and_not_left(
    ratios: tuple[float, float],
    drop: float,
    told: str,
    model: Model,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mnistx_export.exporter.measure_int8", lambda *_: Int8Gate(drop, 5000, *ratios, ()))
    with pytest.raises(VerificationFailed, match=f"was not kept: .*{told}"):
        export(model, lenient(format_named("onnx-int8")), tmp_path / "m.onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_another_ending_is_refused(bare: Model, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"ends in \.onnx"):
        export(bare, "onnx", tmp_path / "m.pb")
    with pytest.raises(BadInput, match="is a folder"):
        (tmp_path / "m.onnx").mkdir()
        export(bare, "onnx", tmp_path / "m.onnx")


class Colours(nn.Module):
    """A network as users write them: its own forward, a residual, a functional pooling."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.second = nn.Conv2d(8, 8, 3, padding=1)
        self.last = nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.norm(self.first(x)))
        x = torch.relu(x + self.second(x))
        answers: torch.Tensor = self.last(nn.functional.adaptive_avg_pool2d(x, 1).flatten(1))
        return answers


@pytest.mark.parametrize("name", by_weight(EXACT))
def test_any_module_goes_from_a_training_script_to_an_artifact_in_five_lines(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = Colours().eval()
    mean, std = (0.4, 0.5, 0.6), (0.2, 0.2, 0.3)
    spec = InputSpec(channels=3, height=40, width=48, mean=mean, std=std, preprocess="resize")
    path = tmp_path / f"own{format_named(name).suffix}"
    found = export(Model(net, spec, names=("cat", "dog", "owl"), output="logits"), name, path)
    assert found.golden is not None and found.golden.passed
    artifact = open_artifact(path)
    assert artifact.metadata.input == spec and artifact.metadata.names == ("cat", "dog", "owl")
    assert artifact.metadata.requires == format_named(name).requires(None)
    images = np.random.default_rng(0).integers(0, 256, (2, 3, 40, 48), dtype=np.uint8)
    with torch.inference_mode():
        pixels = torch.from_numpy(images).double() / 255
        normal = (pixels - torch.tensor(mean).view(-1, 1, 1).double()) / torch.tensor(std).view(-1, 1, 1).double()
        expected = net.double()(normal).log_softmax(1).numpy()
    from mnistx_runtime import Predictor

    runtime = format_named(name).runtime
    np.testing.assert_allclose(Predictor(path, runtime).log_probs(images), expected, atol=1e-5)


def test_a_module_that_a_converter_can_not_carry_gets_its_reason_in_one_line(tmp_path: Path) -> None:
    class Branching(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            rows = x.flatten(1)[:, :2]
            return rows if float(rows.sum()) > 0 else -rows

    spec = InputSpec(channels=1, height=8, width=8, mean=(0.5,), std=(0.5,))
    model = Model(Branching().eval(), spec, ("a", "b"))
    with pytest.raises(BadInput, match="format onnx can't carry this module: ") as caught:
        export(model, "onnx", tmp_path / "m.onnx")
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def process_state() -> dict[str, object]:
    """What a library could leave changed in the process that calls it."""
    legacy: Any = np.random.get_state()
    return {
        "warnings": list(warnings.filters),
        "threads": torch.get_num_threads(),
        "dtype": torch.get_default_dtype(),
        "gradients": torch.is_grad_enabled(),
        "deterministic": torch.get_deterministic_debug_mode(),
        "random": (torch.get_rng_state().tolist(), random.getstate(), legacy[1].tolist()),
        "environment": dict(os.environ),
        "folder": Path.cwd(),
        "path": list(sys.path),
        "signals": [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)],
        "logging": {name: logging.getLogger(name).level for name in ("root", "ort_format_model.utils", "onnxruntime")},
    }


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", by_weight(EXACT))
def test_an_export_leaves_the_module_and_the_process_as_they_were(name: str, tmp_path: Path) -> None:
    spec = InputSpec(channels=1, height=8, width=8, mean=(0.5,), std=(0.5,))
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Dropout(0.5), nn.Linear(72, 3))
    target = format_named(name)
    model = Model(net.eval(), spec, ("a", "b", "c"))
    export(model, target, tmp_path / f"first{target.suffix}")  # what a converter changes as it is imported is its own
    net.train()
    net[1].eval()
    net[0].requires_grad_(False)
    modes = [each.training for each in net.modules()]
    weights = {key: values.clone() for key, values in net.state_dict().items()}
    before = process_state()
    export(model, target, tmp_path / f"second{target.suffix}")
    assert process_state() == before
    assert [each.training for each in net.modules()] == modes
    assert all(torch.equal(values, net.state_dict()[key]) for key, values in weights.items())
    assert [each.requires_grad for each in net.parameters()] == [False, False, True, True, True, True]
    first, second = (verify(tmp_path / f"{each}{target.suffix}") for each in ("first", "second"))
    assert first.passed and second.passed


def test_a_converter_that_fails_leaves_the_module_in_its_mode(bare: Model, tmp_path: Path) -> None:
    def fail(conversion: Conversion) -> dict[str, bytes]:
        assert not any(each.training for each in conversion.deployed.modules())
        raise RuntimeError("no such operator")

    bare.module.train()
    try:
        with pytest.raises(BadInput, match="no such operator"):
            export(bare, replace(format_named("onnx"), write=fail), tmp_path / "m.onnx")
        assert all(each.training for each in bare.module.modules())
    finally:
        bare.module.eval()
