import numpy as np
import pytest

from mnistx_export.codegen.network import Quantization
from mnistx_export.codegen.scales import fixed_point, to_byte, to_real


@pytest.mark.parametrize("bits", [31, 22])
def test_factors_keep_as_many_bits_as_there_are(bits: int) -> None:
    scales = np.array([3e-4, 0.7, 0.013, 1.9])
    multipliers, shift = fixed_point(scales, bits)
    assert 2 ** (bits - 1) <= multipliers.max() < 2**bits
    assert np.abs(multipliers / 2.0**shift - scales).max() <= 0.5 / 2.0**shift


def test_tiny_factors_stay_within_the_shift() -> None:
    multipliers, shift = fixed_point([1e-15])
    assert shift == 61
    assert multipliers[0] == round(1e-15 * 2**61)


def test_bytes_are_rounded_half_up_and_bounded() -> None:
    quantization = Quantization(0.5, 10)
    assert [to_byte(value, quantization) for value in (0.25, 0.24, -0.25, -9, 999)] == [11, 10, 10, 0, 255]
    assert [to_real(byte, quantization) for byte in (10, 0, 255)] == [0, -5, 122.5]
