import io
import sys
import tempfile
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from command import ROOT, by_weight
from mnistx_export.formats import FORMATS
from mnistx_export.formats.base import Conversion, format_named
from mnistx_export.formats.onnx import OPSETS
from mnistx_export.model import Model
from mnistx_runtime import InputSpec, Tolerance
from mnistx_runtime.artifact.container import seal
from mnistx_runtime.artifact.onnx_file import read_weights
from mnistx_runtime.backends import backend
from mnistx_runtime.errors import BackendUnavailable, BadInput
from mnistx_train.inference import DeployedModule
from mnistx_train.network import cnn

SPEC = InputSpec(channels=1, height=28, width=28, mean=0.2, std=0.4, preprocess="mnist-digit")


@pytest.fixture(scope="module")
def conversion() -> Conversion:
    """A network with its first weights, and noise to calibrate on."""
    torch.manual_seed(1)
    images = np.random.default_rng(0).integers(0, 256, (60, 1, 28, 28), dtype=np.uint8)
    return Conversion(DeployedModule(cnn(7), SPEC).eval().requires_grad_(False), SPEC, None, images)


@pytest.mark.parametrize("name", by_weight(FORMATS))
def test_the_same_module_gives_the_same_bytes(name: str, conversion: Conversion) -> None:
    write = format_named(name).write
    first = write(conversion)
    DeployedModule(cnn(3), SPEC)
    assert name == "ort" or write(conversion) == first


@pytest.mark.parametrize("name", by_weight(FORMATS))
def test_no_path_of_this_machine_is_inside(name: str, conversion: Conversion) -> None:
    here = (str(ROOT), sys.prefix, tempfile.gettempdir(), "site-packages")
    for ending, data in format_named(name).write(conversion).items():
        assert not [path for path in here if path.encode() in data], ending


@pytest.mark.slow
def test_int8_takes_the_pixels_as_they_are_and_weights_of_seven_bits(conversion: Conversion) -> None:
    model = onnx.load_from_string(format_named("onnx-int8").write(conversion)[".onnx"])
    first = next(node for node in model.graph.node if "image" in node.input)
    assert first.op_type == "DequantizeLinear"
    assert not {"Cast", "Div", "Sub"} & {node.op_type for node in model.graph.node}
    weights = [numpy_helper.to_array(t) for t in model.graph.initializer if t.name.endswith("weight_quantized")]
    assert len(weights) == 4 and all(32 < np.abs(values.astype(int)).max() <= 64 for values in weights)


@pytest.mark.slow
def test_where_no_pixel_is_white_int8_keeps_the_normalization(conversion: Conversion) -> None:
    dim = replace(conversion, calibration=np.full((60, 1, 28, 28), 100, np.uint8))
    model = onnx.load_from_string(format_named("onnx-int8").write(dim)[".onnx"])
    assert {"Cast", "Div", "Sub"} < {node.op_type for node in model.graph.node}


def test_ort_comes_with_the_operators_that_a_reduced_build_needs(conversion: Conversion) -> None:
    files = format_named("ort").write(conversion)
    lines = files[".required_operators.config"].decode().splitlines()
    assert any(line.startswith("ai.onnx;12;MaxPool") for line in lines)
    assert not any("/" in line for line in lines)


def test_a_pt2_archive_holds_no_pickle(conversion: Conversion) -> None:
    archive = zipfile.ZipFile(io.BytesIO(format_named("pt2").write(conversion)[".pt2"]))
    inputs = [entry for entry in archive.infolist() if entry.filename.endswith((".pt", ".pkl"))]
    assert all(entry.file_size == 0 for entry in inputs)


def test_every_format_names_a_runtime_or_why_there_is_none() -> None:
    for name in FORMATS:
        target = format_named(name)
        assert target.name == name and bool(target.runtime) != bool(target.unverified)
        assert target.baseline is None or format_named(target.baseline).suffix == target.suffix


@pytest.mark.parametrize("name", [name for name in FORMATS if format_named(name).needs])
def test_a_missing_converter_names_the_line_that_installs_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnistx_export.formats.base.find_spec", lambda _: None)
    with pytest.raises(BackendUnavailable, match=rf"pip install 'mnistx-export\[{name}\]'"):
        format_named(name).require()


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
    assert onnx.load_from_string(data).opset_import[0].version == opset


@pytest.mark.parametrize("opset", [0, 13, 17, 99])
def test_other_opsets_are_refused(opset: int, conversion: Conversion) -> None:
    with pytest.raises(BadInput, match="18 to 24 can"):
        format_named("onnx").write(replace(conversion, opset=opset))


def test_a_torchscript_file_holds_no_debug_files_and_its_batch_is_free(conversion: Conversion, tmp_path: Path) -> None:
    data = format_named("torchscript").write(conversion)[".torchscript"]
    names = zipfile.ZipFile(io.BytesIO(data)).namelist()
    assert not [name for name in names if "debug" in name or "serialization_id" in name]
    path = tmp_path / "m.torchscript"
    model = Model(conversion.deployed.module, SPEC, tuple("abcdefg"), "log-probabilities")
    path.write_bytes(
        seal(".torchscript", {".torchscript": data}, model.metadata, model.certificate(Tolerance()))[".torchscript"]
    )
    session = backend("torchscript").load(path, 1)
    for batch in (1, 3):
        images = torch.randint(0, 256, (batch, 1, 28, 28), dtype=torch.uint8)
        np.testing.assert_allclose(session.run(images.numpy()), conversion.deployed(images), atol=1e-5)


def test_an_unknown_format_is_answered_with_the_nearest() -> None:
    with pytest.raises(BadInput, match="unknown format 'onxx'; did you mean 'onnx'"):
        format_named("onxx")
