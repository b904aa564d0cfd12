import numpy as np

from generated_c import PIXEL, float_network, quantized_network
from mnistx_export.codegen.clamp import Clamp
from mnistx_export.codegen.network import Quantization
from mnistx_export.codegen.node import Node
from mnistx_export.codegen.operators.activation import bounds, read_tanh
from mnistx_export.codegen.operators.linear import Linear
from mnistx_export.codegen.passes.fuse_activation import fuse_activation

LINEAR = Linear(np.ones((4, 2), np.float32), np.zeros(2, np.float32), None)


def test_bounds_go_into_the_layer_before() -> None:
    network = float_network((1, 2, 2), (LINEAR, (2,)), (bounds(Clamp(0)), (2,)), (bounds(Clamp(high=6)), (2,)))
    fused = fuse_activation(network)
    assert len(fused.layers) == 2
    last = fused.layers[-1]
    assert isinstance(last.operator, Linear)
    assert last.operator.clamp == Clamp(0, 6)
    assert (last.name, last.output) == ("layer 0", network.layers[-1].output)


def test_what_it_writes_is_quantized_as_behind_the_bounds() -> None:
    target = Quantization(0.2, 0)
    whole = Linear(np.ones((4, 2), np.int8), np.zeros(2, np.int32), np.ones(2, np.float32))
    network = quantized_network((1, 2, 2), (whole, (2,)), (bounds(Clamp(0)), (2,)), quantizations=(PIXEL, target))
    assert fuse_activation(network).layers[1].output.quantization == target


def test_other_functions_stay() -> None:
    tanh = read_tanh(Node("f", "Tanh", (), {}, {}, (), ()))
    network = float_network((1, 2, 2), (LINEAR, (2,)), (tanh, (2,)))
    assert fuse_activation(network).layers == network.layers
