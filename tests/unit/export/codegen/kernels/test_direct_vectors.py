from pathlib import Path

import numpy as np
import pytest

from mnistx_export.codegen.clamp import Clamp
from mnistx_export.codegen.kernels.direct_vectors import direct_vectors, tile_size
from vector_kernels import Shape, answers_of, convolution, convolutions, kernels_of, side_by_side

SHAPES = {
    "one_channel": (
        (1, 9, 11),
        {
            "pooled": Shape(32, pool=2, clamp=Clamp(0)),
            "pooled_by_three": Shape(5, pool=3),
            "odd_outputs": Shape(7, kernel=(2, 3), pads=(0, 0)),
            "strided": Shape(20, stride=(2, 3)),
        },
    ),
    "five_channels": (
        (5, 8, 7),
        {
            "dilated": Shape(12, dilation=(2, 2), pads=(2, 2)),
            "single_pixels": Shape(48, kernel=(1, 1), pads=(0, 0), clamp=Clamp(0, 6)),
            "single_pixels_apart": Shape(8, kernel=(1, 1), pads=(0, 0), stride=(2, 2)),
            "wide": Shape(24, kernel=(5, 4), pads=(2, 1), clamp=Clamp(-1, 1)),
            "real": Shape(3, real=True, clamp=Clamp(0)),
        },
    ),
}


@pytest.mark.parametrize("name", SHAPES)
def test_it_gives_the_bits_of_the_plain_kernel(name: str, tmp_path: Path) -> None:
    image, shapes = SHAPES[name]
    networks = [convolutions(image, quantized, shapes) for quantized in (False, True)]
    assert all(kernels_of(network) == {"convolve_direct"} for network in networks)
    answers = answers_of(networks[0], networks[1], tmp_path)
    for way, got in answers.items():
        for expected, found in zip(answers["portable"], got, strict=True):
            assert np.array_equal(expected, found), way
    assert len(np.unique(answers["portable"][1])) > 100


def test_groups_and_wide_pools_are_left_to_the_plain_kernel() -> None:
    for shape in (Shape(4, depthwise=True), Shape(4, pool=4)):
        network = side_by_side((4, 9, 9), False, {"layer": (convolution(shape, 4, False), (2, 2, 4), False)})
        assert direct_vectors(network.layers[1]) is None


def test_tiles_fit_in_the_registers_and_are_no_wider_than_the_row() -> None:
    for sums in (1, 2, 4, 9, 18):
        for count in range(1, 60):
            tile = tile_size(count, sums)
            assert 1 <= tile <= count
            assert tile * sums <= max(10, sums)
