from dataclasses import replace

import numpy as np

from generated_c import float_network
from mnistx_export.codegen.network import Layer, Network, Tensor
from mnistx_export.codegen.operators.convolution import Convolution
from mnistx_export.codegen.operators.elementwise import Elementwise
from mnistx_export.codegen.operators.linear import Linear
from mnistx_export.codegen.operators.pool import Pool
from mnistx_export.codegen.passes.fuse_rows import fuse_rows

FIRST = Convolution(np.ones((3, 3, 1, 2), np.float32), np.zeros(2, np.float32), None, (1, 1), (1, 1), (1, 1), 1)
SECOND = replace(FIRST, weights=np.ones((3, 3, 2, 2), np.float32))
DEPTHWISE = replace(FIRST, weights=np.ones((3, 3, 2, 1), np.float32), groups=2)
LINEAR = Linear(np.ones((24, 3), np.float32), np.zeros(3, np.float32), None)
PLANE = (4, 3, 2)


def kinds(network: Network) -> list[str]:
    return [type(layer.operator).__name__ for layer in network.layers]


def test_convolutions_in_a_row_become_one_layer_with_what_is_connected_behind() -> None:
    found = fuse_rows(float_network((1, 4, 3), (FIRST, PLANE), (SECOND, PLANE), (LINEAR, (3,))))
    assert kinds(found) == ["Normalize", "Rows"]
    assert found.layers[1].name == "layer 0, layer 1, layer 2"
    assert (found.layers[1].inputs[0].name, found.layers[1].output.name) == ("pixels", "t2")


def test_another_layer_parts_them() -> None:
    pool = Pool(False, (3, 3), (1, 1), (1, 1))
    found = fuse_rows(float_network((1, 4, 3), (FIRST, PLANE), (pool, PLANE), (SECOND, PLANE), (DEPTHWISE, PLANE)))
    assert kinds(found) == ["Normalize", "Rows", "Pool", "Rows", "Convolution"]


def test_what_two_layers_read_is_written() -> None:
    network = float_network((1, 4, 3), (FIRST, PLANE), (SECOND, PLANE))
    *_, first, second = network.layers
    both = Layer("both", Elementwise(False), (first.output, second.output), Tensor("sum", PLANE))
    found = fuse_rows(replace(network, layers=(*network.layers, both)))
    assert kinds(found) == ["Normalize", "Rows", "Rows", "Elementwise"]
    assert [layer.output.name for layer in found.layers] == ["pixels", "t0", "t1", "sum"]
