"""Reads FlatBuffers of which nothing is known yet: every offset is held to the bytes that are there.

A table is described by its fields: name, place and kind. Kinds are `struct`'s letters for numbers, "s" for a text,
`["i"]` for a vector of such, a dictionary for a table, and `Union` for one of several. What isn't described isn't read.
The format is that of https://flatbuffers.dev/internals.
"""

import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

from mnistx_runtime.errors import ArtifactError

Fields = Mapping[str, tuple[int, Any]]
Values = dict[str, Any]


class Union(dict[int, tuple[str, Fields]]):
    """Tables by tag, each with a name; the tag's place is the one before the table's, which is given."""


_MOST_ENTRIES = 1 << 20
"""Tables and entries of vectors of one file; of torchvision's classifiers, few have 10,000."""


class FlatBuffer:
    """The tables of a file.

    Args:
        data: of the file.
        source: how errors name it.
    """

    def __init__(self, data: bytes | memoryview, source: str) -> None:
        """Keep them; see the class."""
        self._data, self._source = memoryview(data), source
        self._left = _MOST_ENTRIES

    def root(self, fields: Fields) -> Values:
        """The table that the file begins with, and all that it holds.

        Returns:
            By name: numbers; texts as `bytes`; vectors of numbers as arrays, of bytes as `memoryview`, of tables
            as lists; of a union its name and table. What is absent is None.

        Raises:
            ArtifactError: an offset or a length leads out of the file, or there are too many.
        """
        try:
            return self._table(self._offset(0), fields)
        except (struct.error, ValueError, OverflowError) as error:
            raise damaged(self._source, "an offset leads out of it") from error

    def _number(self, form: str, at: int) -> int:
        if at < 0:
            raise ValueError("before the beginning")
        found: int = struct.unpack_from(f"<{form}", self._data, at)[0]
        return found

    def _offset(self, at: int) -> int:
        return at + self._number("I", at)

    def _table(self, at: int, fields: Fields) -> Values:
        self._count(1)
        places = at - self._number("i", at)
        size, inline = (self._number("H", places + part) for part in (0, 2))
        if size < 4 or inline < 4 or places + size > len(self._data) or at + inline > len(self._data):
            raise ValueError("a table that isn't there")

        def place(slot: int) -> int:
            entry = 4 + 2 * slot
            offset = self._number("H", places + entry) if entry + 2 <= size else 0
            if offset and not 4 <= offset < inline:
                raise ValueError("a field outside of its table")
            return at + offset if offset else 0

        found: Values = dict.fromkeys(fields)
        for name, (slot, kind) in fields.items():
            where = place(slot)
            if isinstance(kind, Union):
                tag = self._number("B", place(slot - 1)) if place(slot - 1) else 0
                if tag not in kind if where else tag:
                    raise damaged(self._source, f"its {name} are of kind {tag}, which is none")
                if where:
                    found[name] = kind[tag][0], self._table(self._offset(where), kind[tag][1])
            elif where:
                found[name] = self._value(where, kind)
        return found

    def _value(self, at: int, kind: Any) -> Any:
        if isinstance(kind, str) and kind != "s":
            return self._number(kind, at)
        target = self._offset(at)
        if isinstance(kind, Mapping):
            return self._table(target, kind)
        item = "B" if kind == "s" else kind[0]
        count, begin = self._number("I", target), target + 4
        if isinstance(item, Mapping) or item == "s":
            self._count(count)
            return [self._value(begin + 4 * each, item) for each in range(count)]
        size = struct.calcsize(f"<{item}")
        if begin + count * size > len(self._data):
            raise ValueError("a vector that isn't there")
        content = self._data[begin : begin + count * size]
        if item == "B":
            return bytes(content) if kind == "s" else content
        self._count(count)
        return np.frombuffer(content, np.dtype(item).newbyteorder("<"))

    def _count(self, entries: int) -> None:
        self._left -= entries
        if self._left < 0:
            raise ArtifactError(f"{self._source} is damaged: it has more than {_MOST_ENTRIES:,} entries")


def damaged(source: str, what: str) -> ArtifactError:
    """What is wrong with a file that can't be what it claims to be."""
    return ArtifactError(f"{source} is damaged: {what}")


def require_indices(values: Any, count: int, source: str, what: str, least: int = 0) -> None:
    """Raise ArtifactError where one of several indices is none of `least` to `count`; None is none."""
    for value in () if values is None else np.asarray(values).reshape(-1).tolist():
        if not least <= value < count:
            raise damaged(source, f"{what} {value} of {count}")
