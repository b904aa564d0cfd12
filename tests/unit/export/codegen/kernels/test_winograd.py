from pathlib import Path

import numpy as np

from mnistx_export.codegen.clamp import Clamp
from mnistx_export.codegen.kernels.winograd import is_exact, transform_weights, winograd
from mnistx_export.codegen.network import Layer, Network
from vector_kernels import Shape, answers_of, convolution, convolutions, kernels_of, side_by_side

SHAPES = {
    "pooled": Shape(24, pool=2, clamp=Clamp(0)),
    "odd": Shape(7, pads=(0, 0)),
    "padded": Shape(16, pads=(2, 1), clamp=Clamp(0, 6)),
    "real": Shape(8, real=True),
}


def test_it_gives_the_plain_kernels_bytes_and_the_same_floats_whatever_the_vectors(tmp_path: Path) -> None:
    networks = [convolutions((24, 9, 8), quantized, SHAPES) for quantized in (False, True)]
    assert all(kernels_of(network) == {"convolve_winograd"} for network in networks)
    answers = answers_of(networks[0], networks[1], tmp_path)
    reals, whole = answers["portable"]
    for way, (found_reals, found_whole) in answers.items():
        assert np.array_equal(whole, found_whole), way
        assert np.abs(reals - found_reals).max() < 5e-5, way
        if way != "portable":
            assert np.array_equal(found_reals, answers["plain"][0]), way
    assert len(np.unique(whole)) > 100


def layer_of(shape: Shape, channels: int = 8, side: int = 6) -> Layer:
    output = (shape.size(side, 0), shape.size(side, 1), shape.outputs)
    network: Network = side_by_side(
        (channels, side, side), True, {"layer": (convolution(shape, channels, True), output, True)}
    )
    return network.layers[1]


def test_other_convolutions_are_left_to_other_kernels() -> None:
    assert winograd(layer_of(Shape(8))) is not None
    for shape in (
        Shape(8, stride=(2, 2)),
        Shape(8, kernel=(3, 2)),
        Shape(8, dilation=(2, 2)),
        Shape(8, depthwise=True),
        Shape(8, pool=3),
    ):
        assert winograd(layer_of(shape)) is None
    assert winograd(layer_of(Shape(8), channels=7)) is None
    assert winograd(layer_of(Shape(8), side=2)) is None


def test_doubled_both_ways_the_weights_of_bytes_are_whole() -> None:
    weights = np.random.default_rng(0).integers(-128, 128, (3, 3, 2, 4)).astype(np.int8)
    assert np.array_equal(transform_weights(weights, whole=True), 4 * transform_weights(weights, whole=False))


def test_sums_that_might_not_fit_are_seen() -> None:
    largest = np.full((3, 3, 1, 1), -128, np.int8)
    fits = (1 << 30) // (9 * 128 * 4 * 255 * 9)
    for channels in (fits, fits + 1):
        weights = transform_weights(np.repeat(largest, channels, 2), whole=True)
        assert is_exact(weights, 0) == is_exact(weights, 255) == (channels == fits)
    assert is_exact(transform_weights(np.repeat(largest, fits + 1, 2), whole=True), 128)
