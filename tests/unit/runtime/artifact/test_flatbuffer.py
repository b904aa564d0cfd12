import struct
from typing import Any

import numpy as np
import pytest

from fuzz.flat_files import write
from mnistx_runtime.artifact import flatbuffer
from mnistx_runtime.artifact.flatbuffer import FlatBuffer, Union, require_indices
from mnistx_runtime.errors import ArtifactError

INNER = {"number": (0, "i")}
FIELDS = {
    "small": (0, "B"),
    "large": (1, "Q"),
    "text": (2, "s"),
    "bytes": (3, ["B"]),
    "numbers": (4, ["h"]),
    "table": (5, INNER),
    "tables": (6, [INNER]),
    "texts": (7, ["s"]),
    "one": (9, Union({1: ("first", INNER), 2: ("second", {})})),
    "absent": (12, "i"),
}
VALUES: dict[str, Any] = {
    "small": 7,
    "large": 1 << 40,
    "text": b"text",
    "bytes": b"\1\2",
    "numbers": [-1, 300],
    "table": {"number": -5},
    "tables": [{"number": 1}, {}],
    "texts": [b"a", b""],
    "one": (1, {"number": 3}),
}


def test_what_was_written_is_read() -> None:
    found = FlatBuffer(write(FIELDS, VALUES), "m").root(FIELDS)
    numbers = found.pop("numbers")
    assert numbers.tolist() == [-1, 300] and bytes(found.pop("bytes")) == b"\1\2" and found.pop("absent") is None
    assert found.pop("one") == ("first", {"number": 3}) and found.pop("tables") == [{"number": 1}, {"number": None}]
    assert found == {name: VALUES[name] for name in found}


def test_any_part_of_a_file_and_any_changed_byte_is_read_or_told() -> None:
    data = write(FIELDS, VALUES)
    random, told = np.random.default_rng(0), 0
    changed = [data[:end] for end in range(len(data))]
    for _ in range(2000):
        at = random.integers(len(data))
        changed.append(data[:at] + random.bytes(1) + data[at + 1 :])
    for each in changed:
        try:
            FlatBuffer(each, "m").root(FIELDS)
        except ArtifactError as error:
            assert str(error).startswith("m is damaged: ")
            told += 1
    assert told > 500


def test_an_unknown_kind_is_told() -> None:
    for tag in (3, 200):
        with pytest.raises(ArtifactError, match=f"its one are of kind {tag}, which is none"):
            FlatBuffer(write(FIELDS, {"one": (tag, {})}), "m").root(FIELDS)


def test_a_small_file_of_endless_tables_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A vector whose entries all lead to the same table, which holds as long a vector."""
    monkeypatch.setattr(flatbuffer, "_MOST_ENTRIES", 5000)
    count, inner = 100, {"numbers": (0, [INNER])}
    fields: Any = {"tables": (0, [inner])}
    data = bytearray(write(fields, {"tables": []}))
    struct.pack_into("<I", data, len(data) - 4, count)
    shared = write(inner, {"numbers": [{"number": 1}] * count})
    root = struct.unpack_from("<I", shared)[0]
    data += b"".join(struct.pack("<I", 4 * (count - at) + root) for at in range(count)) + shared
    with pytest.raises(ArtifactError, match="m is damaged: it has more than 5,000 entries"):
        FlatBuffer(bytes(data), "m").root(fields)
    monkeypatch.setattr(flatbuffer, "_MOST_ENTRIES", 50_000)
    assert len(FlatBuffer(bytes(data), "m").root(fields)["tables"]) == count


def test_indices_are_held_to_what_there_is() -> None:
    require_indices(None, 0, "m", "value")
    require_indices(np.array([-1, 1]), 2, "m", "value", least=-1)
    for wrong in ([2], [-1], 5):
        with pytest.raises(ArtifactError, match=r"m is damaged: value -?\d of 2"):
            require_indices(wrong, 2, "m", "value")
