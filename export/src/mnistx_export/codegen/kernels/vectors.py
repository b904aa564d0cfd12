"""Vectors in C: the extension of GCC and Clang, as wide as the target has them, or the same bits in plain C.

The types of 16, 8 or 4 lanes have as many as the target, but no more: `floats16` are 4 floats with SSE2 or NEON, 8 with
AVX2. No lane depends on how many there are, so that answers don't depend on it either.
"""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from mnistx_runtime.artifact.c_text import fill

MOST_LANES = (16, 8, 4)
_FUNCTION = re.compile(r"^static inline \w+ (\w+)\(", re.MULTILINE)


def lanes_for(count: int) -> tuple[int, int]:
    """The most lanes for a row of numbers, and the row's length in whole vectors of so many.

    Args:
        count: of the numbers, above 0.

    >>> lanes_for(64), lanes_for(24), lanes_for(10), lanes_for(3)
    ((16, 64), (8, 24), (16, 16), (4, 4))
    """
    for lanes in MOST_LANES:
        whole = -(-count // lanes) * lanes
        if whole * 7 <= count * 8 or (lanes == 16 and 8 < count < 16) or (lanes == 8 and 4 < count < 8):
            return lanes, whole
    return 4, -(-count // 4) * 4


@cache
def vectors(lanes: int) -> Mapping[str, str]:
    """Helpers of a kernel: the types `floats`, `ints` and `shorts` of at most so many lanes, and functions of them."""
    head, types, *functions = _parts()
    names = {"VECTOR_LANES": head, f"LANES{lanes}": fill(types, n=lanes)}
    for text in functions:
        filled = fill(text, n=lanes)
        found = _FUNCTION.search(filled)
        assert found
        names[found[1]] = filled
    return names


@cache
def _parts() -> list[str]:
    """The template: target, types, and each function with the comment above it."""
    text = (files("mnistx_export.codegen") / "templates" / "vectors.c").read_text()
    return [part.strip("\n") for part in re.split(r"\n\n(?=/\*|static)", text)]
