import numpy as np

from mnistx_export.codegen.kernels.arithmetic import arithmetic, indent
from mnistx_export.codegen.network import Quantization, Tensor

REAL, BYTES = Tensor("x", (1, 1, 3)), Tensor("x", (1, 1, 3), Quantization(0.1, 9))


def test_weights_lie_by_input_outputs_side_by_side() -> None:
    weights = np.arange(6, dtype=np.float32).reshape(3, 2)
    found = arithmetic(REAL, 2).weights(weights)
    assert found.shape == (3, 4)
    assert np.array_equal(found[:, :2], weights)
    assert not found[:, 2:].any()


def test_weights_of_bytes_lie_in_pairs_of_inputs() -> None:
    weights = np.arange(1, 7, dtype=np.int8).reshape(3, 2)
    found = arithmetic(BYTES, 2).weights(weights)
    assert found.shape == (2, 4, 2)
    assert found.dtype == np.int16
    assert found[0, :2].tolist() == [[1, 3], [2, 4]]
    assert found[1, :2].tolist() == [[5, 0], [6, 0]]


def test_each_row_is_multiplied_by_each_vector() -> None:
    text = arithmetic(REAL, 64).products(["k", "k + 8"], 3)
    assert text.count("floats16_multiply_add(") == 6
    assert text.count("floats16_load(") == 3
    assert "s1_2 = floats16_multiply_add(s1_2, x1, w2);" in text
    assert "shorts16_splat_pair(in + k + 8)" in arithmetic(BYTES, 64).products(["k", "k + 8"], 1)


def test_empty_lines_stay_empty() -> None:
    assert indent("a\n\nb", 1) == "    a\n\n    b"
