from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from mnistx_export.formats.base import Conversion, format_named


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
