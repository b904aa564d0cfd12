"""JSON that every reader takes."""

import json
from math import isfinite
from typing import Any


def json_text(values: Any, indent: int | None = None) -> str:
    """Values as JSON; numbers that aren't finite, which JSON doesn't have (RFC 8259, 6), as null.

    Args:
        values: what `json.dumps` takes.
        indent: spaces a level; None: all on one line.

    >>> json_text({"max_abs": float("inf"), "parts": [1.5, float("nan")]})
    '{"max_abs": null, "parts": [1.5, null]}'
    """
    try:
        return json.dumps(values, indent=indent, allow_nan=False)
    except ValueError:
        return json.dumps(_replace(values), indent=indent, allow_nan=False)


def _replace(values: Any) -> Any:
    if isinstance(values, dict):
        return {key: _replace(value) for key, value in values.items()}
    if isinstance(values, list | tuple):
        return [_replace(value) for value in values]
    return None if isinstance(values, float) and not isfinite(values) else values
