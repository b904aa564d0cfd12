"""Checks what is passed to the public functions, so that a mistake is told where it is made."""

from numbers import Real
from operator import index
from typing import Any

from mnistx_runtime.errors import BadInput


def check_count(name: str, value: Any) -> int:
    """A whole number of at least 1.

    Raises:
        BadInput: it is something else.

    >>> check_count("threads", 2)
    2
    """
    try:
        if isinstance(value, bool) or index(value) < 1:
            raise TypeError
    except TypeError as error:
        raise BadInput(f"{name} must be a whole number of at least 1, not {value!r}") from error
    return index(value)


def check_probability(name: str, value: Any) -> float:
    """A number from 0 to 1.

    Raises:
        BadInput: it is something else.

    >>> check_probability("min_confidence", 0.5)
    0.5
    """
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 <= float(value) <= 1:
        raise BadInput(f"{name} must be a number from 0 to 1, not {value!r}")
    return float(value)
