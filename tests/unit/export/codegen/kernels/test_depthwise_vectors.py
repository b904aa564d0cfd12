from pathlib import Path

import numpy as np

from mnistx_export.codegen.clamp import Clamp
from mnistx_export.codegen.kernels.depthwise_vectors import depthwise_vectors
from vector_kernels import Shape, answers_of, convolution, convolutions, kernels_of, side_by_side

SHAPES = {
    "padded": Shape(24, depthwise=True, clamp=Clamp(0, 6)),
    "strided": Shape(24, depthwise=True, stride=(2, 2)),
    "inside": Shape(24, depthwise=True, kernel=(2, 3), pads=(0, 0), clamp=Clamp(0)),
    "dilated": Shape(24, depthwise=True, dilation=(2, 1), real=True),
}


def test_it_gives_the_bits_of_the_plain_kernel(tmp_path: Path) -> None:
    networks = [convolutions((24, 8, 7), quantized, SHAPES) for quantized in (False, True)]
    assert all(kernels_of(network) == {"convolve_depthwise"} for network in networks)
    answers = answers_of(networks[0], networks[1], tmp_path)
    for way, got in answers.items():
        for expected, found in zip(answers["portable"], got, strict=True):
            assert np.array_equal(expected, found), way
    assert len(np.unique(answers["portable"][1])) > 100


def test_pools_and_odd_channels_are_left_to_other_kernels() -> None:
    for channels, shape in ((6, Shape(6, depthwise=True)), (8, Shape(8, depthwise=True, pool=2)), (8, Shape(8))):
        operator = convolution(shape, channels, False)
        network = side_by_side((channels, 8, 8), False, {"layer": (operator, (4, 4, channels), False)})
        assert depthwise_vectors(network.layers[1]) is None
