from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import helper, numpy_helper
from torch import Tensor, nn
from torch.nn import functional

from generated_c import answer, compile_c
from mnistx_export.codegen.kernels import KERNELS
from mnistx_export.codegen.onnx_reader import network_from_onnx
from mnistx_export.codegen.operators.convolution import Convolution
from mnistx_export.codegen.operators.normalize import Interleave
from mnistx_export.codegen.passes import simplify
from mnistx_export.formats.base import Conversion
from mnistx_export.formats.onnx import onnx_model
from mnistx_export.formats.onnx_int8 import ALL_OPERATORS, quantized_model
from mnistx_runtime.errors import BadInput
from mnistx_runtime.input_spec import InputSpec
from mnistx_train.evaluation.inference import DeployedModule

SPEC = InputSpec(channels=3, height=12, width=10, mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.25))


class Everything(nn.Module):
    """One of each kind of layer that C is written for."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.depthwise = nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.squeeze, self.excite = nn.Conv2d(8, 4, 1), nn.Conv2d(4, 8, 1)
        self.left, self.right = nn.Conv2d(8, 6, 1), nn.Conv2d(8, 6, 3, padding=1)
        self.fc1, self.fc2 = nn.Linear(12 * 30, 16), nn.Linear(16, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu6(self.norm(self.stem(x)))
        x = x + functional.hardswish(self.depthwise(x))
        gate = functional.hardsigmoid(self.excite(functional.relu(self.squeeze(functional.adaptive_avg_pool2d(x, 1)))))
        x = x * gate
        x = torch.cat([torch.sigmoid(self.left(x)), functional.leaky_relu(self.right(x))], 1)
        x = functional.max_pool2d(x, 2).flatten(1)
        answers: Tensor = self.fc2(functional.relu(self.fc1(functional.dropout(x, 0.5, self.training))))
        return answers


@pytest.fixture(scope="module")
def conversion() -> Conversion:
    torch.manual_seed(0)
    module = Everything().eval()
    images = np.random.default_rng(0).integers(0, 256, (64, *SPEC.shape)).astype(np.uint8)
    return Conversion(DeployedModule(module, SPEC, "logits").eval(), SPEC, calibration=images)


def test_a_network_of_every_kind_is_the_trained_one(conversion: Conversion, tmp_path: Path) -> None:
    assert conversion.calibration is not None
    images = conversion.calibration[:16]
    with torch.inference_mode():
        expected = conversion.deployed(torch.from_numpy(images)).numpy()
    real = network_from_onnx(onnx_model(conversion))
    whole = network_from_onnx(quantized_model(conversion, ALL_OPERATORS))
    library = compile_c({"real": real, "whole": whole}, tmp_path)
    assert np.abs(answer(library, "real", real, images) - expected).max() < 1e-5
    got = answer(library, "whole", whole, images)
    assert np.abs(got - expected).max() < 0.1
    assert [layer.output.name for layer in simplify(whole).layers if not layer.output.quantization][:-1] == ["fc2"]


def test_layers_are_named_as_in_the_users_module(conversion: Conversion) -> None:
    network = simplify(network_from_onnx(onnx_model(conversion)))
    names = [layer.name for layer in network.layers]
    assert [name for name in ("stem", "depthwise", "squeeze", "fc1", "fc2") if name not in names] == []


def test_bytes_that_hold_the_normalization_are_read_as_they_are() -> None:
    module = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 3)).eval()
    spec = InputSpec(channels=1, height=8, width=8, mean=(0.13,), std=(0.31,))
    images = np.random.default_rng(0).integers(0, 256, (64, *spec.shape)).astype(np.uint8)
    images[0, 0, 0, :2] = 0, 255
    conversion = Conversion(DeployedModule(module, spec, "logits").eval(), spec, calibration=images)
    network = network_from_onnx(quantized_model(conversion, ALL_OPERATORS))
    assert isinstance(network.layers[0].operator, Interleave)
    first = network.layers[1].operator
    assert isinstance(first, Convolution)
    assert first.weights.dtype == np.int8


def test_an_operator_that_there_is_not_names_layer_and_operator() -> None:
    module = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ELU(), nn.Flatten(), nn.Linear(4 * 36, 3)).eval()
    spec = InputSpec(channels=1, height=8, width=8, mean=(0.5,), std=(0.5,))
    conversion = Conversion(DeployedModule(module, spec, "logits").eval(), spec)
    with pytest.raises(BadInput, match=r"format c can't carry layer '\w+' .Elu.: .* there are Add, AveragePool"):
        network_from_onnx(onnx_model(conversion))


def test_weights_with_a_zero_point_are_refused() -> None:
    tensors: dict[str, np.ndarray] = {
        "w_q": np.ones((2, 4), np.int8),
        "w_s": np.ones(2, np.float32),
        "w_z": np.ones(2, np.int8),
        "s": np.array(0.1, np.float32),
        "z": np.array(0, np.uint8),
    }
    nodes = [
        helper.make_node("DequantizeLinear", ["image", "s", "z"], ["x"]),
        helper.make_node("DequantizeLinear", ["w_q", "w_s", "w_z"], ["w"], axis=0),
        helper.make_node("Flatten", ["x"], ["f"]),
        helper.make_node("Gemm", ["f", "w"], ["y"], transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("image", onnx.TensorProto.UINT8, ["n", 1, 2, 2])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["n", 2])],
        [numpy_helper.from_array(values, name) for name, values in tensors.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])
    with pytest.raises(BadInput, match="the zero point of its weights isn't 0"):
        network_from_onnx(model)


class BetweenBytes(nn.Module):
    """A batch normalization that no convolution takes up, and a softmax, between layers of bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm, self.fc1, self.fc2 = (
            nn.Conv2d(3, 5, 3),
            nn.BatchNorm2d(5),
            nn.Linear(5, 5),
            nn.Linear(5, 4),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(functional.max_pool2d(functional.relu(self.stem(x)), 2))
        x = (x + functional.relu(x)).mean((2, 3))
        answers: Tensor = self.fc2(x * functional.softmax(self.fc1(x), 1))
        return answers


def test_layers_of_real_numbers_between_layers_of_bytes_get_real_numbers(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = BetweenBytes().eval()
    assert module.norm.running_var is not None
    nn.init.uniform_(module.norm.running_var, 0.1, 3)
    images = np.random.default_rng(0).integers(0, 256, (64, *SPEC.shape)).astype(np.uint8)
    conversion = Conversion(DeployedModule(module, SPEC, "logits").eval(), SPEC, calibration=images)
    with torch.inference_mode():
        expected = conversion.deployed(torch.from_numpy(images)).numpy()
    whole = network_from_onnx(quantized_model(conversion, ALL_OPERATORS))
    for target in KERNELS:
        (tmp_path / target).mkdir()
        got = answer(compile_c({"whole": whole}, tmp_path / target, target), "whole", whole, images)
        assert np.abs(got - expected).max() < 0.02, target


class Tokens(nn.Module):
    """What a transformer begins with: the size of the batch is asked of the image, and a parameter is added."""

    def __init__(self) -> None:
        super().__init__()
        self.token, self.position = nn.Parameter(torch.ones(1, 6)), nn.Parameter(torch.rand(1, 366))
        self.fc = nn.Linear(366, 4)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.fc(torch.cat([self.token.expand(x.shape[0], -1), x.flatten(1)], 1) + self.position)
        return found


def test_who_reads_the_image_beside_the_normalization_is_named() -> None:
    images = np.random.default_rng(0).integers(0, 256, (8, 3, 12, 10)).astype(np.uint8)
    conversion = Conversion(DeployedModule(Tokens().eval(), SPEC).eval(), SPEC, calibration=images)
    for graph in (onnx_model(conversion), quantized_model(conversion, ALL_OPERATORS)):
        with pytest.raises(BadInput, match=r"format c can't carry layer '\w+' \(Shape\): it reads the image beside"):
            network_from_onnx(graph)
