import sys

import pytest

from mnistx_runtime.errors import BadInput
from mnistx_runtime.registry import look_up, nearest

TABLE = {"fraction": "fractions:Fraction", "decimal": "decimal:Decimal"}


def test_what_is_named_is_imported_and_nothing_else() -> None:
    from fractions import Fraction

    assert look_up(TABLE, "fraction", "number") is Fraction
    table = {"used": "fractions:Fraction", "other": "mnistx_runtime.no_such_module:X"}
    assert look_up(table, "used", "number") is Fraction
    assert "mnistx_runtime.no_such_module" not in sys.modules


def test_another_name_is_told_the_nearest_one() -> None:
    with pytest.raises(
        BadInput, match=r"unknown number 'fractoin'; did you mean 'fraction'\? known: fraction, decimal"
    ):
        look_up(TABLE, "fractoin", "number")


@pytest.mark.parametrize("name", ["", "zzz", "fraction ", "FRACTION"])
def test_a_name_that_is_not_in_the_table_is_never_taken_for_one_that_is(name: str) -> None:
    with pytest.raises(BadInput, match="unknown number"):
        look_up(TABLE, name, "number")


def test_where_nothing_is_near_only_what_is_known_is_named() -> None:
    assert nearest("zzz", TABLE) == "known: fraction, decimal"
    assert nearest("x", []) == "known: "
