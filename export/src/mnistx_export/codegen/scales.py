"""From real scales to whole-number arithmetic."""

from collections.abc import Sequence
from math import floor, frexp

import numpy as np
from numpy.typing import NDArray

from mnistx_export.codegen.network import Quantization

BITS = 31  # of a multiplier, its sign apart
_MOST_SHIFT = 61  # below the 62 bits that a sum times a multiplier takes


def fixed_point(scales: Sequence[float] | NDArray[np.floating], bits: int = BITS) -> tuple[NDArray[np.int32], int]:
    """Factors as whole multipliers and one shift: `scale == multiplier / 2**shift`, the largest in all of its bits.

    Args:
        scales: above 0.
        bits: of a multiplier, its sign apart, at most 31.

    Returns:
        Multipliers, 0 to 2**bits - 1, and the shift, 1 to 61.

    >>> fixed_point([0.5, 0.25])
    (array([1073741824,  536870912], dtype=int32), 31)
    """
    real = np.asarray(scales, np.float64)
    exponent = frexp(float(real.max()))[1]
    shift = max(1, min(_MOST_SHIFT, bits - exponent))
    multipliers = np.minimum(np.floor(real * 2.0**shift + 0.5), 2**bits - 1)
    return multipliers.astype(np.int32), shift


def to_byte(value: float, quantization: Quantization) -> int:
    """The byte that stands for a real number, rounded half up.

    >>> to_byte(0.3, Quantization(0.1, 5)), to_byte(1e9, Quantization(0.1, 5))
    (8, 255)
    """
    return int(min(255, max(0, floor(value / quantization.scale + 0.5) + quantization.zero)))


def to_real(byte: int, quantization: Quantization) -> float:
    """What a byte stands for.

    >>> to_real(8, Quantization(0.5, 5))
    1.5
    """
    return quantization.scale * (byte - quantization.zero)
