import numpy as np

from generated_c import float_network
from mnistx_export.codegen.clamp import Clamp
from mnistx_export.codegen.network import Layer, Network, Tensor
from mnistx_export.codegen.operators.activation import bounds
from mnistx_export.codegen.operators.linear import Linear
from mnistx_export.codegen.passes.pairs import fuse_pairs

LINEAR = Linear(np.ones((4, 2), np.float32), np.zeros(2, np.float32), None)


def always(first: Layer, second: Layer) -> Layer:
    return Layer(f"{first.name}+{second.name}", first.operator, first.inputs, second.output)


def test_chains_become_one() -> None:
    network = float_network((1, 2, 2), (LINEAR, (2,)), (bounds(Clamp(0)), (2,)))
    assert [layer.name for layer in fuse_pairs(network, always).layers] == ["normalize+layer 0+layer 1"]


def test_what_two_layers_read_stays() -> None:
    network = float_network((1, 2, 2), (LINEAR, (2,)), (bounds(Clamp(0)), (2,)))
    extra = Layer("other", bounds(Clamp(1)), (network.layers[1].output,), Tensor("other", (2,)))
    branched = Network(network.image, (*network.layers, extra))
    assert len(fuse_pairs(branched, lambda a, b: always(a, b) if a.name == "layer 0" else None).layers) == 4
