from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mnistx_export.codegen.network import Layer, Quantization, Tensor
from mnistx_export.codegen.operators.convolution import Convolution
from mnistx_export.codegen.row_stage import Stage, element, is_stage, schedule

BYTES = Quantization(0.1, 3)
CONVOLUTION = Convolution(
    np.arange(3 * 3 * 2 * 4, dtype=np.int8).reshape(3, 3, 2, 4),
    np.zeros(4, np.int32),
    np.ones(4, np.float32),
    (1, 1),
    (1, 1),
    (1, 1),
    1,
    pool=2,
)


def layer(operator: Any = CONVOLUTION, source: Quantization | None = BYTES) -> Layer:
    return Layer("conv", operator, (Tensor("x", (8, 6, 2), source),), Tensor("y", (4, 3, 4), BYTES))


@pytest.mark.parametrize(
    "change", [{"groups": 2}, {"dilation": (1, 2)}, {"scale": None}], ids=["groups", "dilation", "scale"]
)
def test_what_is_no_dense_convolution_of_one_kind_is_no_stage(change: dict[str, Any]) -> None:
    assert is_stage(layer())
    assert not is_stage(layer(replace(CONVOLUTION, **change)))
    assert not is_stage(layer(object()))


def test_a_ring_holds_the_rows_of_its_window_padded() -> None:
    stage = Stage(layer())
    assert (stage.window, stage.stride, stage.taps, stage.block) == (4, 2, 8, 1)
    assert stage.pitch == (3 * 2 - 1) * 2 + 8
    assert stage.bytes == 4 * stage.pitch * 2
    assert (stage.element, element(layer(source=None).inputs[0])) == ("int16_t", "float")


def test_weights_lie_output_by_output_in_fours() -> None:
    found = Stage(layer()).weights.reshape(4, 3, 2, 4)
    whole = np.zeros((4, 3, 8), np.int8)
    whole[:, :, :6] = CONVOLUTION.weights.reshape(3, 6, 4).transpose(2, 0, 1)
    assert np.array_equal(found[..., [0, 2, 1, 3]].reshape(whole.shape), whole)


def test_a_row_is_computed_when_another_needs_it() -> None:
    second = replace(CONVOLUTION, weights=np.zeros((3, 3, 4, 1), np.int8), pads=(0, 0), pool=1)
    next_layer = Layer("next", second, (layer().output,), Tensor("z", (2, 1, 1), BYTES))
    stages = [Stage(layer()), Stage(next_layer)]
    steps = schedule(stages).tolist()
    assert steps[:5] == [0, 0, 0, 0, 1]  # a row of padding and three of the input, then the first row of the first
    assert (steps.count(0), steps.count(1), steps.count(2)) == (10, 4, 2)
    assert steps[-3:] == [0, 1, 2]
