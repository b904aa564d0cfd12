from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from mnistx_export.formats.base import Conversion, format_named
from mnistx_runtime import InputSpec
from mnistx_train.evaluation.inference import DeployedModule


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


SPEC = InputSpec(channels=1, height=12, width=16, mean=(0.4,), std=(0.25,))


class Branches(nn.Module):
    """Two layers read the pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.wide, self.narrow = nn.Conv2d(1, 4, 5, padding="same"), nn.Conv2d(1, 4, 3, padding=1)
        self.fc = nn.Linear(4 * 12 * 16, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc((self.wide(x).relu() + self.narrow(x).relu()).flatten(1))  # type: ignore[no-any-return]


class Pooled(nn.Module):
    """Reads the pixels in float32, too."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv2d(1, 4, 3), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.conv(x).mean((2, 3)) + x.mean((2, 3)))  # type: ignore[no-any-return]


@pytest.mark.slow
@pytest.mark.parametrize("network", [Branches, Pooled])
def test_pixels_that_several_layers_read_are_taken_as_they_are(network: type[nn.Module]) -> None:
    deployed = DeployedModule(network(), SPEC, "logits").eval().requires_grad_(False)
    images = np.random.default_rng(0).integers(0, 256, (64, *SPEC.shape), dtype=np.uint8)
    images[0, :, 0], images[0, :, 1] = 0, 255
    (data,) = format_named("onnx-int8").write(Conversion(deployed, SPEC, calibration=images)).values()
    first = [node.op_type for node in onnx.load_from_string(data).graph.node if "image" in node.input]
    assert first == ["DequantizeLinear"]
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(
        session.run(None, {"image": images})[0], deployed(torch.from_numpy(images)).numpy(), atol=0.1
    )


@pytest.mark.slow
def test_a_network_without_layers_to_quantize_stays_as_it_is() -> None:
    module = nn.Sequential(nn.AdaptiveAvgPool2d((1, 3)), nn.Flatten())
    deployed = DeployedModule(module, SPEC, "logits").eval()
    images = np.random.default_rng(0).integers(0, 256, (64, *SPEC.shape), dtype=np.uint8)
    (data,) = format_named("onnx-int8").write(Conversion(deployed, SPEC, calibration=images)).values()
    assert "QuantizeLinear" not in {node.op_type for node in onnx.load_from_string(data).graph.node}
