from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from foreign_onnx import as_sklearn, foreign_model, weights, write
from mnistx_export.foreign.model import open_foreign
from mnistx_export.formats.base import FLOAT16, INT8
from mnistx_runtime import InputSpec
from mnistx_runtime.artifact.parity import FLOAT32
from mnistx_runtime.errors import ArtifactError, BadInput

GREY = InputSpec(channels=1, height=8, width=9, mean=(0.0,), std=(1.0,))
COLOUR = InputSpec(channels=3, height=8, width=9, mean=(0.0,) * 3, std=(1.0,) * 3)
NAMES = tuple("0123456789")


def expected(pixels: np.ndarray, last: bool = False) -> np.ndarray:
    arranged = pixels.transpose(0, 2, 3, 1) if last else pixels
    flat = arranged.reshape(len(pixels), -1).astype(np.float64)
    return np.asarray(flat @ weights(flat.shape[1], 10))


@pytest.mark.parametrize(
    ("spec", "shape", "last"),
    [
        (COLOUR, ["N", 3, 8, 9], False),
        (COLOUR, ["N", 8, 9, 3], True),
        (COLOUR, [1, 3, 8, 9], False),
        (COLOUR, [4, 8, 9, 3], True),
        (COLOUR, ["N", 216], False),
        (GREY, ["N", 1, 8, 9], False),
        (GREY, ["N", 8, 9, 1], True),
        (GREY, ["N", 8, 9], False),
        (GREY, [3, 72], False),
    ],
)
@pytest.mark.parametrize(
    "kind", [TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.UINT8, TensorProto.INT64]
)
def test_every_arrangement_and_type_gets_the_answers_of_its_layer(
    spec: InputSpec, shape: list[int | str], last: bool, kind: int, tmp_path: Path
) -> None:
    found = open_foreign(write(tmp_path / "m.onnx", foreign_model(shape, kind)), spec, NAMES)
    assert found.channels_last == last and found.batch == (shape[0] if shape[0] != "N" else None)
    pixels = np.random.default_rng(0).integers(0, 256, (7, *spec.shape), dtype=np.uint8)
    given = pixels if found.takes_whole_numbers else pixels / np.float32(255)
    atol = 0.02 if kind == TensorProto.FLOAT16 else 1e-5 * float(given.max())
    np.testing.assert_allclose(found.run(given), expected(given, last), atol=atol)
    assert found.tolerance == (FLOAT16 if kind == TensorProto.FLOAT16 else FLOAT32)


def test_free_height_and_width_are_taken(tmp_path: Path) -> None:
    model = foreign_model(["N", 3, 8, 9])
    for dim in list(model.graph.input[0].type.tensor_type.shape.dim)[2:]:
        dim.dim_param = "side"
    assert open_foreign(write(tmp_path / "m.onnx", model), COLOUR, NAMES).run(np.zeros((2, 3, 8, 9))).shape == (2, 10)


def test_of_sklearn_s_outputs_the_probabilities_are_the_scores(tmp_path: Path) -> None:
    path = write(tmp_path / "m.onnx", as_sklearn(foreign_model(["N", 72]), NAMES))
    found = open_foreign(path, GREY, NAMES)
    assert found.scores == "probabilities" and found.others == ("label",)
    pixels = np.random.default_rng(0).random((5, 1, 8, 9))
    powers = np.exp(expected(pixels))
    np.testing.assert_allclose(found.run(pixels), powers / powers.sum(1, keepdims=True), atol=1e-5)


def test_classes_in_another_order_than_the_file_says_are_told(tmp_path: Path) -> None:
    path = write(tmp_path / "m.onnx", as_sklearn(foreign_model(["N", 72]), NAMES))
    with pytest.raises(BadInput, match=r"in another order: write classes = \['0', '1'"):
        open_foreign(path, GREY, NAMES[::-1])
    assert open_foreign(path, GREY, tuple("abcdefghij")).scores == "probabilities"


def test_a_quantized_file_is_asked_what_int8_promises(tmp_path: Path) -> None:
    model = foreign_model(["N", 72])
    model.graph.node.append(helper.make_node("DynamicQuantizeLinear", ["flat"], ["a", "b", "c"]))
    assert open_foreign(write(tmp_path / "m.onnx", model), GREY, NAMES).tolerance == INT8


def without_scores() -> onnx.ModelProto:
    model = as_sklearn(foreign_model(["N", 72]), NAMES)
    del model.graph.output[1]
    return model


def with_a_mask() -> onnx.ModelProto:
    model = foreign_model(["N", 72])
    model.graph.input.append(helper.make_tensor_value_info("mask", TensorProto.FLOAT, [1]))
    return model


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (foreign_model(["N", 1, 8, 8]), r"takes x float \[N, 1, 8, 8\], not images \[N, 1, 8, 9\]"),
        (foreign_model(["N", 3, 8, 9]), r"takes x float \[N, 3, 8, 9\], not images \[N, 1, 8, 9\]"),
        (foreign_model(["N", 72], TensorProto.INT8), "takes x int8"),
        (foreign_model(["N", 72], given=weights(72, 4)), r"gives scores float32 \[4\] an image, and 10 classes"),
        (without_scores(), r"gives label int64 \[\] an image, and 10 classes"),
        (with_a_mask(), "takes 2 inputs, x, mask"),
    ],
)
def test_what_fits_no_images_or_classes_is_told(model: onnx.ModelProto, why: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=why):
        open_foreign(write(tmp_path / "m.onnx", model), GREY, NAMES)


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (foreign_model(["N", 72], domain="my.ops"), "my.ops:Own is a custom one"),
        (foreign_model(["N", 72], opset=99), "it is of opset 99 of ai.onnx, .* has up to"),
        (foreign_model(["N", 72], ir_version=99), "it is of IR version 99, .* reads up to"),
    ],
)
def test_what_can_not_be_run_is_told_with_its_cause(model: onnx.ModelProto, why: str, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=f"can't be run: .*{why}"):
        open_foreign(write(tmp_path / "m.onnx", model), GREY, NAMES)


def test_what_fails_as_it_runs_is_told_whole(tmp_path: Path) -> None:
    model = foreign_model(["N", "c", "h", "w"], given=weights(71, 10))
    with pytest.raises(ArtifactError, match=r"can't be run on images: .*MatMul dimension mismatch"):
        open_foreign(write(tmp_path / "m.onnx", model), GREY, NAMES)
