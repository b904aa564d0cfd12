import pytest

from mnistx_export.codegen.clamp import NONE, Clamp
from mnistx_export.codegen.network import Quantization


@pytest.mark.parametrize(
    "clamp, expected",
    [(NONE, "x"), (Clamp(0), "maximum(x, 0.0f)"), (Clamp(high=1), "minimum(x, 1.0f)")],
)
def test_only_bounds_that_are_there_are_written(clamp: Clamp, expected: str) -> None:
    assert clamp.of_float("x") == expected


def test_bytes_are_bounded_where_the_numbers_are() -> None:
    quantization = Quantization(0.1, 100)
    assert NONE.of_bytes(quantization) == (0, 255)
    assert Clamp(0, 6).of_bytes(quantization) == (100, 160)
    assert Clamp(-90, 90).of_bytes(quantization) == (0, 255)


def test_two_bounds_are_the_narrower_ones() -> None:
    assert Clamp(0).within(Clamp(-1, 6)) == Clamp(0, 6)
