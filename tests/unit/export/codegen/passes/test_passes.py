import numpy as np

from generated_c import float_network
from mnistx_export.codegen.clamp import Clamp
from mnistx_export.codegen.operators.activation import bounds
from mnistx_export.codegen.operators.convolution import Convolution
from mnistx_export.codegen.operators.flatten import Flatten
from mnistx_export.codegen.operators.linear import Linear
from mnistx_export.codegen.operators.pool import Pool
from mnistx_export.codegen.passes import simplify


def test_the_classical_network_becomes_one_layer_a_sum() -> None:
    weights, bias = np.ones((3, 3, 1, 2), np.float32), np.zeros(2, np.float32)
    convolution = Convolution(weights, bias, None, (1, 1), (1, 1), (1, 1), 1)
    linear = Linear(np.ones((8, 3), np.float32), np.zeros(3, np.float32), None)
    network = float_network(
        (1, 4, 4),
        (convolution, (4, 4, 2)),
        (bounds(Clamp(0)), (4, 4, 2)),
        (Pool(False, (2, 2), (2, 2), (0, 0)), (2, 2, 2)),
        (Flatten(), (8,)),
        (linear, (3,)),
    )
    assert [type(layer.operator).__name__ for layer in simplify(network).layers] == [
        "Normalize",
        "Convolution",
        "Linear",
    ]
