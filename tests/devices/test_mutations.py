"""What is changed in generated code is seen by its self-test."""

import pytest

from c_mutations import SLIPS, flips, is_seen, slips
from devices.sources import Sources


@pytest.mark.slow
def test_every_slip_is_seen(sources: dict[tuple[str, str], Sources]) -> None:
    right = sources["c-int8", "size"]
    code = right["model.c"].decode()
    assert not is_seen(right, code)
    changed = list(slips(code))
    assert {name for name, _ in changed} == SLIPS.keys()
    assert [name for name, text in changed if not is_seen(right, text)] == []


@pytest.mark.slow
def test_a_weight_that_is_changed_is_seen(sources: dict[tuple[str, str], Sources]) -> None:
    found = flips(sources["c-int8", "size"], each=4)
    for layer in ("weights0", "weights1"):
        (counts,) = [counts for name, counts in found.items() if name.endswith(layer)]
        assert [seen for bit, seen in counts if bit >= 4] == [4, 4, 4]
