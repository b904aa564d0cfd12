import os
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto
from torch import nn

from foreign_onnx import as_sklearn, foreign_model, weights, write, write_external
from mnistx_export.sealing import foreign_reason, seal_onnx
from mnistx_export.spec_file import SpecFile
from mnistx_runtime import BadInput, InputSpec, Predictor, open_artifact, verify
from mnistx_runtime.artifact.metadata import ITSELF
from mnistx_runtime.errors import ArtifactError
from mnistx_train.evaluation.inference import log_probs

INPUT = InputSpec(channels=3, height=16, width=12, mean=(0.4, 0.5, 0.6), std=(0.2, 0.2, 0.3), preprocess="resize")


class Last(nn.Module):
    """Channels last, as TensorFlow's converters write it."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        answers: torch.Tensor = self.inner(x.permute(0, 3, 1, 2))
        return answers


def network(output: str = "logits") -> nn.Sequential:
    torch.manual_seed(0)
    ends: dict[str, list[nn.Module]] = {"probabilities": [nn.Softmax(1)], "log-probabilities": [nn.LogSoftmax(1)]}
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(560, 3), *ends.get(output, [])).eval()


def foreign(path: Path, module: nn.Module, shape: tuple[int, ...], free: bool = True, external: bool = False) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        shapes = ({0: torch.export.Dim("n")},) if free else None
        torch.onnx.export(
            *(module, (torch.zeros(2 if free else 1, *shape),), path), input_names=["x"], output_names=["scores"],
            dynamic_shapes=shapes, external_data=external, verbose=False,
        )  # fmt: skip
    return path


def described(folder: Path, output: str = "logits") -> SpecFile:
    return SpecFile(folder / "spec.toml", ("cat", "dog", "owl"), output, INPUT)


@pytest.mark.parametrize("output", ["logits", "probabilities", "log-probabilities"])
@pytest.mark.parametrize("free", [True, False])
def test_a_sealed_file_answers_as_the_module_that_it_was_made_of(output: str, free: bool, tmp_path: Path) -> None:
    source = foreign(tmp_path / "foreign.onnx", network(output), (3, 16, 12), free)
    found = seal_onnx(source, described(tmp_path, output), tmp_path / "sealed.onnx")
    assert found.passed and found.reference == ITSELF
    assert "never compared with a trained module" in "\n".join(found.lines())
    predictor = Predictor(tmp_path / "sealed.onnx")
    images = np.random.default_rng(0).integers(0, 256, (5, 3, 16, 12), dtype=np.uint8)
    mean, std = (torch.tensor(values).view(-1, 1, 1) for values in (INPUT.mean, INPUT.std))
    with torch.no_grad():
        expected = network()((torch.from_numpy(images) / 255 - mean) / std).log_softmax(1)
    np.testing.assert_allclose(predictor.log_probs(images), expected, atol=1e-5)


def test_channels_last_and_weights_in_another_file_are_taken_in(tmp_path: Path) -> None:
    source = foreign(tmp_path / "foreign.onnx", Last(network()), (16, 12, 3), external=True)
    assert seal_onnx(source, described(tmp_path), tmp_path / "sealed.onnx").passed
    alone = tmp_path / "alone"
    alone.mkdir()
    (tmp_path / "sealed.onnx").rename(alone / "sealed.onnx")
    assert verify(alone / "sealed.onnx").passed


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"names": ("cat", "dog")}, r"scores float32 \[3\] an image, and 2 classes"),
        ({"output": "probabilities"}, "its rows don't sum to 1"),
        ({"output": "scores"}, "output must be one of"),
        ({"spec": replace(INPUT, height=17)}, r"takes x float \[.*16, 12\], not images \[N, 3, 17, 12\]"),
    ],
)
def test_what_the_spec_says_is_held_to_the_file(change: dict[str, object], why: str, tmp_path: Path) -> None:
    source = foreign(tmp_path / "foreign.onnx", network(), (3, 16, 12))
    with pytest.raises(BadInput, match=why):
        seal_onnx(source, replace(described(tmp_path), **change), tmp_path / "sealed.onnx")  # type: ignore[arg-type]
    assert not (tmp_path / "sealed.onnx").exists()


def test_probabilities_declared_as_logits_are_told(tmp_path: Path) -> None:
    source = foreign(tmp_path / "foreign.onnx", network("probabilities"), (3, 16, 12))
    with pytest.raises(BadInput, match='write output = "probabilities"'):
        seal_onnx(source, described(tmp_path), tmp_path / "sealed.onnx")


def test_what_is_no_onnx_or_sealed_already_is_told(tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("text")
    with pytest.raises(ArtifactError, match="is not a readable ONNX model"):
        seal_onnx(tmp_path / "text.onnx", described(tmp_path), tmp_path / "out.onnx")
    with pytest.raises(ArtifactError, match="no such model file"):
        seal_onnx(tmp_path / "none.onnx", described(tmp_path), tmp_path / "out.onnx")
    source = foreign(tmp_path / "foreign.onnx", network(), (3, 16, 12))
    seal_onnx(source, described(tmp_path), tmp_path / "sealed.onnx")
    with pytest.raises(BadInput, match="is sealed already"):
        seal_onnx(tmp_path / "sealed.onnx", described(tmp_path), tmp_path / "again.onnx")


def test_a_file_of_two_inputs_can_not_be_sealed(tmp_path: Path) -> None:
    source = foreign(tmp_path / "foreign.onnx", network(), (3, 16, 12))
    model = onnx.load(source)
    model.graph.input.append(onnx.helper.make_tensor_value_info("mask", onnx.TensorProto.FLOAT, [1]))
    onnx.save(model, source)
    with pytest.raises(BadInput, match="takes 2 inputs, x, mask"):
        seal_onnx(source, described(tmp_path), tmp_path / "sealed.onnx")


GREY = InputSpec(channels=1, height=8, width=9, mean=(0.25,), std=(0.5,))
PIXELS = replace(GREY, mean=(0.0,), std=(1 / 255,))
DIGITS = tuple("0123456789")


def answers_of(path: Path) -> np.ndarray:
    images = np.random.default_rng(0).integers(0, 256, (5, *GREY.shape), dtype=np.uint8)
    return Predictor(path).log_probs(images)


def expected(spec: InputSpec) -> np.ndarray:
    layer = nn.Linear(72, 10, bias=False)
    layer.weight.data = torch.from_numpy(weights(72, 10).T.copy())
    images = np.random.default_rng(0).integers(0, 256, (5, *GREY.shape), dtype=np.uint8)
    return log_probs(nn.Sequential(nn.Flatten(), layer).eval(), images, spec, output="logits")


@pytest.mark.parametrize(
    ("kind", "spec", "atol"),
    [
        (TensorProto.FLOAT, GREY, 1e-5),
        (TensorProto.FLOAT16, GREY, 0.02),
        (TensorProto.DOUBLE, GREY, 1e-5),
        (TensorProto.UINT8, PIXELS, 1e-4),
        (TensorProto.INT64, PIXELS, 1e-4),
    ],
)
@pytest.mark.parametrize("shape", [["N", 1, 8, 9], ["N", 8, 9], [1, 72], ["N", 8, 9, 1]])
def test_every_type_and_arrangement_is_sealed_with_the_answers_of_its_layer(
    kind: int, spec: InputSpec, atol: float, shape: list[int | str], tmp_path: Path
) -> None:
    source = write(tmp_path / "m.onnx", foreign_model(shape, kind))
    described = SpecFile(tmp_path / "spec.toml", DIGITS, "logits", spec)
    found = seal_onnx(source, described, tmp_path / "sealed.onnx")
    assert found.passed and found.parity is not None and found.parity.atol <= 0.02
    np.testing.assert_allclose(answers_of(tmp_path / "sealed.onnx"), expected(spec), atol=atol * 10)


def test_of_whole_numbers_the_spec_must_say_so(tmp_path: Path) -> None:
    source = write(tmp_path / "m.onnx", foreign_model(["N", 1, 8, 9], TensorProto.UINT8))
    with pytest.raises(BadInput, match=r"pixels of 0 to 255: write mean = 0 and std = 0\.0039215686"):
        seal_onnx(source, SpecFile(tmp_path / "spec.toml", DIGITS, "logits", GREY), tmp_path / "sealed.onnx")


def test_sklearn_s_probabilities_are_sealed(tmp_path: Path) -> None:
    source = write(tmp_path / "m.onnx", as_sklearn(foreign_model(["N", 72]), DIGITS))
    described = SpecFile(tmp_path / "spec.toml", DIGITS, "probabilities", GREY)
    assert seal_onnx(source, described, tmp_path / "sealed.onnx").passed
    np.testing.assert_allclose(answers_of(tmp_path / "sealed.onnx"), expected(GREY), atol=1e-4)


@pytest.mark.parametrize(
    ("opset", "ir_version", "lowest", "requires"),
    [(20, 10, 9, "1.17"), (13, 10, 7, "1.15"), (8, 3, 4, "1.15"), (21, 10, 10, "1.18")],
)
def test_a_sealed_file_is_of_the_lowest_ir_version_and_says_which_runtime_reads_it(
    opset: int, ir_version: int, lowest: int, requires: str, tmp_path: Path
) -> None:
    source = write(tmp_path / "m.onnx", foreign_model(["N", 1, 8, 9], opset=opset, ir_version=ir_version))
    model = onnx.load(source)
    if ir_version < 4:  # where weights are inputs, too
        model.graph.input.append(onnx.helper.make_tensor_value_info("weights", TensorProto.FLOAT, [72, 10]))
    described = SpecFile(tmp_path / "spec.toml", DIGITS, "logits", GREY)
    assert seal_onnx(write(source, model), described, tmp_path / "sealed.onnx").passed
    assert onnx.load(tmp_path / "sealed.onnx").ir_version == lowest
    assert Predictor(tmp_path / "sealed.onnx").metadata.requires == f"onnxruntime>={requires}"
    np.testing.assert_allclose(answers_of(tmp_path / "sealed.onnx"), expected(GREY), atol=1e-4)


def test_a_batch_of_several_alone_can_not_be_sealed(tmp_path: Path) -> None:
    source = write(tmp_path / "m.onnx", foreign_model([4, 1, 8, 9]))
    with pytest.raises(BadInput, match="takes 4 images at a time"):
        seal_onnx(source, SpecFile(tmp_path / "spec.toml", DIGITS, "logits", GREY), tmp_path / "sealed.onnx")


def test_weights_outside_of_the_folder_are_not_taken_in(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    source = write_external(tmp_path / "inner" / "m.onnx", foreign_model(["N", 1, 8, 9]), "../m.data")
    (tmp_path / "inner" / "m.data").rename(tmp_path / "m.data")
    with pytest.raises(ArtifactError, match="outside of its folder"):
        seal_onnx(source, SpecFile(tmp_path / "spec.toml", DIGITS, "logits", GREY), tmp_path / "sealed.onnx")
    assert not (tmp_path / "sealed.onnx").exists()


def with_a_branch(path: Path) -> Path:
    """A model whose scores pass through an If."""
    model = foreign_model(["N", 1, 8, 9])
    kept = onnx.helper.make_node("Identity", ["product"], ["kept"])
    value = onnx.helper.make_tensor_value_info("kept", TensorProto.FLOAT, None)
    branch = onnx.helper.make_graph([kept], "branch", [], [value])
    model.graph.node[-1].output[0] = "product"
    model.graph.node.append(onnx.helper.make_node("If", ["yes"], ["scores"], then_branch=branch, else_branch=branch))
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array(True), "yes"))
    return write(path, model)


def test_control_flow_is_sealed_and_run_only_where_its_maker_is_trusted(tmp_path: Path) -> None:
    source, sealed = with_a_branch(tmp_path / "m.onnx"), tmp_path / "sealed.onnx"
    described = SpecFile(tmp_path / "spec.toml", DIGITS, "logits", GREY)
    with pytest.raises(ArtifactError, match=r"m\.onnx holds the operator If.*--allow-foreign runs it"):
        seal_onnx(source, described, sealed)
    assert not sealed.exists()
    assert seal_onnx(source, described, sealed, allow_foreign=True).passed
    assert "the operator If" in foreign_reason(sealed)
    with pytest.raises(ArtifactError, match="the operator If"):
        Predictor(sealed)
    assert Predictor(open_artifact(sealed, allow_foreign=True), verify_on_load=True).metadata.names == DIGITS


def test_what_is_harmless_once_it_is_sealed_needs_nobody_s_trust(tmp_path: Path) -> None:
    """A label in words beside the scores is left out."""
    model = foreign_model(["N", 1, 8, 9])
    words = onnx.numpy_helper.from_array(np.array([f"digit {name}" for name in DIGITS], object), "words")
    model.graph.initializer.append(words)
    model.graph.node.extend(
        [
            onnx.helper.make_node("ArgMax", ["scores"], ["best"], axis=1, keepdims=0),
            onnx.helper.make_node("ArrayFeatureExtractor", ["words", "best"], ["label"], domain="ai.onnx.ml"),
        ]
    )
    model.graph.output.append(onnx.helper.make_tensor_value_info("label", TensorProto.STRING, None))
    model.opset_import.append(onnx.helper.make_opsetid("ai.onnx.ml", 1))
    source, sealed = write(tmp_path / "m.onnx", model), tmp_path / "sealed.onnx"
    described = SpecFile(tmp_path / "spec.toml", DIGITS, "logits", GREY)
    with pytest.raises(ArtifactError, match="holds texts"):
        seal_onnx(source, described, sealed)
    assert seal_onnx(source, described, sealed, allow_foreign=True).passed
    assert foreign_reason(sealed) == ""
    np.testing.assert_allclose(answers_of(sealed), expected(GREY), atol=1e-4)


def test_weights_of_20_gb_beside_a_file_are_not_read(tmp_path: Path) -> None:
    source = write_external(tmp_path / "m.onnx", foreign_model(["N", 1, 8, 9]), "m.data")
    os.truncate(tmp_path / "m.data", 20 << 30)
    with pytest.raises(ArtifactError, match="bytes are no small model's"):
        seal_onnx(source, SpecFile(tmp_path / "spec.toml", DIGITS, "logits", GREY), tmp_path / "sealed.onnx")


def test_what_was_just_written_is_verified_whoever_is_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNISTX_TRUST", str(tmp_path / "nobody.pem"))
    source = foreign(tmp_path / "foreign.onnx", network("logits"), (3, 16, 12))
    assert seal_onnx(source, described(tmp_path), tmp_path / "sealed.onnx").passed
