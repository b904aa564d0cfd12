from typing import Any

import numpy as np
import pytest

from generated_c import PIXEL, float_network, quantized_network
from mnistx_export.codegen.network import Quantization
from mnistx_export.codegen.operators.convolution import Convolution
from mnistx_export.codegen.operators.pool import Pool
from mnistx_export.codegen.passes.fuse_pool import fuse_pool

CONVOLUTION = Convolution(np.ones((3, 3, 1, 2), np.float32), np.zeros(2, np.float32), None, (1, 1), (1, 1), (1, 1), 1)


def test_a_convolution_pools_what_it_computes() -> None:
    pool = Pool(False, (2, 2), (2, 2), (0, 0))
    fused = fuse_pool(float_network((1, 6, 7), (CONVOLUTION, (6, 7, 2)), (pool, (3, 3, 2))))
    assert len(fused.layers) == 2
    operator: Any = fused.layers[-1].operator
    assert operator.pool == 2
    assert fused.layers[-1].output.shape == (3, 3, 2)


@pytest.mark.parametrize(
    "pool, shape",
    [
        (Pool(True, (2, 2), (2, 2), (0, 0)), (3, 3, 2)),
        (Pool(True, (6, 7), (6, 7), (0, 0)), (2,)),
        (Pool(False, (3, 3), (2, 2), (0, 0)), (2, 3, 2)),
        (Pool(False, (2, 2), (2, 2), (1, 1)), (4, 4, 2)),
        (Pool(False, (2, 2), (2, 2), (0, 0)), (3, 4, 2)),
        (Pool(False, (1, 1), (1, 1), (0, 0)), (6, 7, 2)),
    ],
)
def test_other_pools_stay(pool: Pool, shape: tuple[int, ...]) -> None:
    network = float_network((1, 6, 7), (CONVOLUTION, (6, 7, 2)), (pool, shape))
    assert len(fuse_pool(network).layers) == 3


def test_bytes_of_two_scales_stay() -> None:
    pool = Pool(False, (2, 2), (2, 2), (0, 0))
    scales = (PIXEL, Quantization(0.3, 1))
    network = quantized_network((1, 6, 7), (CONVOLUTION, (6, 7, 2)), (pool, (3, 3, 2)), quantizations=scales)
    assert len(fuse_pool(network).layers) == 4
