"""The digests that tell one model from another: of trained parameters, of an artifact's payload, of its metadata."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray


def sha256(*pieces: bytes | memoryview) -> str:
    """The digest of bytes, one piece after the other, in hexadecimal.

    >>> sha256(b"ab", b"c") == sha256(b"abc")
    True
    """
    import hashlib  # loads OpenSSL, which predicting doesn't need

    found = hashlib.sha256()
    for piece in pieces:
        found.update(piece)
    return found.hexdigest()


def part_digests(parts: Mapping[str, bytes]) -> dict[str, str]:
    """The digest of each part of a payload, by name: "graph", "weights", "code"."""
    return {name: sha256(data) for name, data in sorted(parts.items())}


def payload_sha256(digests: Mapping[str, str]) -> str:
    """One digest over all the parts of a payload, by name.

    Args:
        digests: as `part_digests` gives them.

    >>> payload_sha256(part_digests({"graph": b"nodes", "weights": b"numbers"}))[:8]
    '2249e386'
    """
    import json

    return sha256(json.dumps(dict(digests), sort_keys=True).encode())


def weights_sha256(weights: Mapping[str, NDArray[Any]]) -> str:
    """A digest of named parameters that doesn't depend on the file format that holds them.

    Args:
        weights: parameters by name, such as `{"conv1.weight": array}`.

    Returns:
        sha256 over each tensor's name, type, shape and little-endian bytes, in the order of the names.

    >>> weights_sha256({"a": np.zeros(2, np.float32)})[:8]
    'd783eb36'
    """
    parts = []
    for name in sorted(weights):
        array = np.ascontiguousarray(weights[name]).reshape(np.shape(weights[name]))
        array = array.astype(array.dtype.newbyteorder("<"))
        parts += [f"{name} {array.dtype.name} {list(array.shape)}\n".encode(), array.tobytes()]
    return sha256(b"".join(parts))
