from pathlib import Path

import numpy as np

from mnistx_export.codegen.kernels.linear_vectors import linear_vectors
from vector_kernels import Shape, answers_of, convolution, kernels_of, linear, side_by_side

OUTPUTS = (3, 10, 24, 52, 200)


def test_it_gives_the_bits_of_the_plain_kernel(tmp_path: Path) -> None:
    networks = [
        side_by_side(
            (3, 4, 5),
            quantized,
            {f"fc{count}": (linear(count, 60, quantized), (count,), quantized and count != 10) for count in OUTPUTS},
        )
        for quantized in (False, True)
    ]
    assert all(kernels_of(network) == {"connect_rows"} for network in networks)
    answers = answers_of(networks[0], networks[1], tmp_path)
    for way, got in answers.items():
        for expected, found in zip(answers["portable"], got, strict=True):
            assert np.array_equal(expected, found), way
    assert len(np.unique(answers["portable"][1])) > 50


def test_other_layers_are_left_to_other_kernels() -> None:
    network = side_by_side((4, 9, 9), False, {"layer": (convolution(Shape(4), 4, False), (9, 9, 4), False)})
    assert linear_vectors(network.layers[1]) is None
