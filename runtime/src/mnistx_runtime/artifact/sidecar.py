"""Metadata in a JSON file beside the model, for models that are several files: OpenVINO, ncnn, Core ML."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from mnistx_runtime.artifact.digests import sha256
from mnistx_runtime.errors import ArtifactError

ENTRY = "mnistx.json"
"""The file's name where it lies inside an archive."""


def dump(props: Mapping[str, str]) -> bytes:
    """The properties as JSON.

    >>> parse(dump({"a": "1"}), "m.json")
    {'a': '1'}
    """
    return json.dumps({"props": dict(props)}, sort_keys=True, indent=1).encode() + b"\n"


def parse(data: bytes, source: str, models: Sequence[bytes] = ()) -> dict[str, str]:
    """The inverse of `dump`.

    Args:
        data: of the JSON.
        source: how errors name it.
        models: what it stands beside; in schema 1 the JSON holds their digests.

    Raises:
        ArtifactError: it's damaged, or of schema 1 and for other files.
    """
    try:
        values: dict[str, Any] = json.loads(data)
        props = dict(values["props"])
        if not all(isinstance(text, str) for pair in props.items() for text in pair):
            raise TypeError("not all text")
        "".join(f"{name}{text}" for name, text in props.items()).encode()  # half a character can't be
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ArtifactError(f"{source} is not a readable model of mnistx's (its metadata is damaged)") from error
    if "sha256" in values and values["sha256"] != [sha256(model) for model in models]:
        raise ArtifactError(f"{source} is not a readable model of mnistx's: its bytes are not those that were exported")
    return props
