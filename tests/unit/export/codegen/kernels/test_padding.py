import pytest

from mnistx_export.codegen.kernels.padding import padding, whole_bytes
from vector_kernels import Shape, convolutions


@pytest.mark.parametrize(
    "shape, quantized, expected",
    [
        (Shape(4), False, (9, 8, True)),
        (Shape(4, stride=(2, 2)), False, (9, 7, True)),
        (Shape(4, pads=(0, 0), dilation=(2, 1)), False, (7, 6, False)),
        (Shape(4, pads=(0, 0)), True, (7, 6, True)),
        (Shape(4, kernel=(1, 1), pads=(0, 0), stride=(3, 3)), False, (7, 4, True)),
    ],
)
def test_the_copy_reaches_as_far_as_the_windows(shape: Shape, quantized: bool, expected: tuple[int, int, bool]) -> None:
    layer = convolutions((3, 7, 6), quantized, {"layer": shape}).layers[1]
    rows, columns, _ = layer.output.shape
    found = padding(layer, rows, columns, "int16_t" if quantized else "float")
    assert (found.height, found.width, found.needed) == expected
    assert bool(found.text) == bool(found.bytes(4)) == found.needed
    assert found.row_size == 3 * expected[1]


def test_sizes_keep_what_follows_aligned() -> None:
    assert [whole_bytes(size) for size in (0, 1, 16, 17)] == [0, 16, 16, 32]
