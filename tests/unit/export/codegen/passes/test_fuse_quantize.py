import numpy as np

from generated_c import PIXEL, float_network, quantized_network
from mnistx_export.codegen.network import Layer, Network, Tensor
from mnistx_export.codegen.operators.linear import Linear
from mnistx_export.codegen.operators.quantize import Quantize
from mnistx_export.codegen.passes.fuse_quantize import fuse_quantize


def then_bytes(network: Network) -> Network:
    last = network.layers[-1].output
    layer = Layer("bytes", Quantize(), (last,), Tensor("bytes", last.shape, PIXEL))
    return Network(network.image, (*network.layers, layer))


def test_whole_sums_are_written_as_bytes() -> None:
    whole = Linear(np.ones((4, 2), np.int8), np.zeros(2, np.int32), np.ones(2, np.float32))
    fused = fuse_quantize(then_bytes(quantized_network((1, 2, 2), (whole, (2,)), quantizations=(None,))))
    assert [layer.name for layer in fused.layers] == ["normalize", "layer 0"]
    assert fused.layers[-1].output.quantization == PIXEL


def test_real_sums_stay() -> None:
    real = Linear(np.ones((4, 2), np.float32), np.zeros(2, np.float32), None)
    network = then_bytes(float_network((1, 2, 2), (real, (2,))))
    assert fuse_quantize(network).layers == network.layers
