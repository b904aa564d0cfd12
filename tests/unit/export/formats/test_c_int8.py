import re
from dataclasses import replace

import numpy as np
import pytest

from mnistx_export.formats.base import Conversion, format_named
from mnistx_export.formats.onnx_int8 import OPERATORS, quantized_model
from mnistx_runtime.errors import BadInput


@pytest.mark.slow
def test_weights_are_those_of_onnx_int8(conversion: Conversion) -> None:
    text = format_named("c-int8").write(replace(conversion, target="portable"))[".c99/model.c"].decode()
    model = quantized_model(conversion, OPERATORS)
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    weights = np.frombuffer(tensors["conv1.weight_quantized"].raw_data, np.int8).reshape(32, 9)
    (written,) = re.findall(r"static const int8_t \w+_weights\[288\] = \{(.*?)\}", text, re.DOTALL)
    assert [int(number) for number in written.split(",")] == weights.T.reshape(-1).tolist()


@pytest.mark.slow
def test_only_the_last_sums_are_real(conversion: Conversion) -> None:
    text = format_named("c-int8").write(replace(conversion, target="portable"))[".c99/model.c"].decode()
    arrays = [line for line in text.splitlines() if line.startswith("static const float ")]
    assert arrays == ["static const float fc2_step[7] = {"]


def test_it_needs_images_to_calibrate_on(conversion: Conversion) -> None:
    with pytest.raises(BadInput, match="int8 is calibrated on images"):
        format_named("c-int8").write(replace(conversion, calibration=None))
