from typing import Any

import numpy as np
import pytest

from mnistx_runtime.arguments import check_count, check_probability
from mnistx_runtime.errors import BadInput


@pytest.mark.parametrize("value", [1, 7, np.int64(3)])
def test_a_count_is_a_whole_number_of_at_least_1(value: Any) -> None:
    assert check_count("threads", value) == value and type(check_count("threads", value)) is int


@pytest.mark.parametrize("value", [0, -1, 1.5, 2.0, "2", None, True, [], float("nan")])
def test_what_is_no_count_is_told(value: Any) -> None:
    with pytest.raises(BadInput, match=r"threads must be a whole number of at least 1, not "):
        check_count("threads", value)


@pytest.mark.parametrize("value", [0, 1, 0.5, np.float32(0.25)])
def test_a_probability_is_a_number_from_0_to_1(value: Any) -> None:
    assert check_probability("p", value) == value and type(check_probability("p", value)) is float


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan"), float("inf"), "0.5", None, True, [0.5], 1j])
def test_what_is_no_probability_is_told(value: Any) -> None:
    with pytest.raises(BadInput, match=r"p must be a number from 0 to 1, not "):
        check_probability("p", value)
