import re
from dataclasses import replace
from pathlib import Path

import onnx
import pytest
import torch
from torch import Tensor, nn

from command import ROOT, by_weight
from mnistx_export import Model, export
from mnistx_export.formats.base import Conversion, format_named
from mnistx_export.formats.onnx import OPSETS, least_ir_version
from mnistx_runtime import InputSpec
from mnistx_runtime.artifact.onnx_file import read_weights
from mnistx_runtime.errors import BadInput


def test_an_onnx_file_is_clean_free_in_its_batch_and_holds_its_own_weights(conversion: Conversion) -> None:
    data = format_named("onnx").write(conversion)[".onnx"]
    model = onnx.load_from_string(data)
    assert " ".join(node.op_type for node in model.graph.node) == (
        "Cast Div Sub Div Conv Relu MaxPool Conv Relu MaxPool Reshape Gemm Relu Gemm LogSoftmax"
    )
    (image,), (log_probs,) = model.graph.input, model.graph.output
    assert (image.name, image.type.tensor_type.elem_type) == ("image", onnx.TensorProto.UINT8)
    assert (log_probs.name, log_probs.type.tensor_type.elem_type) == ("log_probs", onnx.TensorProto.FLOAT)
    for value in (image, log_probs):
        assert value.type.tensor_type.shape.dim[0].dim_param == "batch"
    assert all(i.data_location == onnx.TensorProto.DEFAULT for i in model.graph.initializer)
    assert not model.metadata_props
    weights = read_weights(data, "m")
    expected = conversion.deployed.module.state_dict()
    assert weights.keys() == expected.keys()
    assert all((weights[name] == expected[name].numpy()).all() for name in weights)


@pytest.mark.slow
@pytest.mark.parametrize("opset", OPSETS)
def test_every_opset_that_is_offered_is_what_comes_out(opset: int, conversion: Conversion) -> None:
    data = format_named("onnx").write(replace(conversion, opset=opset))[".onnx"]
    model = onnx.load_from_string(data)
    assert model.opset_import[0].version == opset
    assert model.ir_version == onnx.helper.find_min_ir_version_for(model.opset_import)


@pytest.mark.parametrize("name", by_weight(["onnx", "onnx-fp16", "onnx-int8"]))
def test_the_ir_version_is_the_lowest_that_the_operators_go_with(name: str, conversion: Conversion) -> None:
    assert onnx.load_from_string(format_named(name).write(conversion)[".onnx"]).ir_version == 9


@pytest.mark.parametrize("name", ["onnx", "onnx-fp16", "onnx-int8", "ort"])
def test_the_oldest_onnx_runtime_that_the_metadata_name_is_the_one_that_was_found(name: str) -> None:
    page = (ROOT / "artifacts" / "oldest_onnxruntime.md").read_text()
    (found,) = re.findall(rf"^\| `{name}` \| (1\.\d+) \|", page, re.M)
    assert format_named(name).requires(None) == f"onnxruntime>={found}"
    assert f"ONNX Runtime {found}" in (ROOT / "README.md").read_text()


def test_a_version_that_onnx_does_not_know_yet_is_told() -> None:
    assert least_ir_version([onnx.helper.make_opsetid("", 7), onnx.helper.make_opsetid("own", 3)]) == 4
    with pytest.raises(ValueError, match="Unsupported"):
        least_ir_version([onnx.helper.make_opsetid("", 999)])


@pytest.mark.parametrize("opset", [0, 13, 17, 99])
def test_other_opsets_are_refused(opset: int, conversion: Conversion) -> None:
    with pytest.raises(BadInput, match="18 to 24 can"):
        format_named("onnx").write(replace(conversion, opset=opset))


class Loop(nn.Module):
    """Answers image by image."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([image[0, 0] for image in x])


class Branch(nn.Module):
    """Takes another way for bright images."""

    def forward(self, x: Tensor) -> Tensor:
        return x[:, 0, 0] if x.mean() > 100 else x[:, 0, 1]


@pytest.mark.parametrize(("module", "reason"), [(Loop(), "a batch of any size"), (Branch(), "data-dependent")])
def test_what_onnx_cannot_carry_is_refused_with_the_reason(module: nn.Module, reason: str, tmp_path: Path) -> None:
    spec = InputSpec(channels=1, height=12, width=16, mean=(0.4,), std=(0.25,))
    model = Model(module.eval(), spec, names=tuple(map(str, range(16))))
    with pytest.raises(BadInput, match=reason):
        export(model, "onnx", tmp_path / "m.onnx")
