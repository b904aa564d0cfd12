"""Triton isn't here: what it would read is held to its own protobuf schema, which its client carries."""

from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.protobuf import text_format
from torch import nn

from mnistx_export import Model, export
from mnistx_export.formats.base import Conversion, format_named
from mnistx_export.formats.triton import inference_service
from mnistx_runtime import InputSpec
from mnistx_runtime.artifact.verification import verify


@pytest.fixture(scope="module")
def schema() -> Any:
    """Triton's model_config.proto; the package around it would import gRPC."""
    package = find_spec("tritonclient")
    assert package is not None and package.submodule_search_locations
    path = Path(package.submodule_search_locations[0]) / "grpc" / "model_config_pb2.py"
    described = spec_from_file_location("model_config_pb2", path)
    assert described is not None and described.loader is not None
    module = module_from_spec(described)
    described.loader.exec_module(module)
    return module


def test_the_configuration_is_what_tritons_schema_asks(schema: Any, tmp_path: Path) -> None:
    spec = InputSpec(channels=3, height=16, width=12, mean=(0.4, 0.5, 0.6), std=(0.2, 0.25, 0.3))
    module = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 12, 3)).eval()
    assert export(Model(module, spec, ("cat", "dog", "owl")), "triton", tmp_path / "my net.triton").passed
    assert verify(tmp_path / "my net.triton").passed
    folder = tmp_path / "my net.triton" / "my net"
    config = text_format.Parse((folder / "config.pbtxt").read_text(), schema.ModelConfig())
    assert (config.name, config.backend, config.max_batch_size) == (folder.name, "onnxruntime", 64)
    (taken,), (given,) = config.input, config.output
    assert (taken.name, taken.data_type, list(taken.dims)) == ("image", schema.DataType.TYPE_UINT8, [3, 16, 12])
    assert (given.name, given.data_type, list(given.dims)) == ("log_probs", schema.DataType.TYPE_FP32, [3])
    assert (folder / given.label_filename).read_text().split() == ["cat", "dog", "owl"]
    assert config.dynamic_batching.max_queue_delay_microseconds == 2000
    assert [each.kind for each in config.instance_group] == [schema.ModelInstanceGroup.Kind.KIND_CPU]
    assert {name: each.string_value for name, each in config.parameters.items()} == {
        "intra_op_thread_count": "1",
        "inter_op_thread_count": "1",
    }
    with pytest.raises(text_format.ParseError):
        text_format.Parse("max_batch: 3", schema.ModelConfig())


def test_bytes_are_the_same_again_and_the_batch_is_free(conversion: Conversion) -> None:
    import onnx

    files = format_named("triton").write(conversion)
    assert files == format_named("triton").write(conversion)
    model = onnx.load_from_string(next(iter(files.values())))
    (shape,) = (each.type.tensor_type.shape for each in model.graph.input)
    assert shape.dim[0].dim_param and not shape.dim[0].dim_value


@pytest.mark.parametrize(("name", "service"), [("mnist-cnn", "mnist-cnn"), ("My_net.v2", "my-net-v2"), ("é", "model")])
def test_the_service_has_a_name_that_kubernetes_takes(name: str, service: str) -> None:
    values = yaml.safe_load(inference_service(name))
    assert values["kind"] == "InferenceService" and values["metadata"]["name"] == service
    assert values["spec"]["predictor"]["model"]["storageUri"].endswith(f"{service}.triton")
