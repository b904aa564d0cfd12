"""A model as one HTML page: its metadata lie in one block of the page, its WebAssembly in another."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

from mnistx_runtime.artifact import sidecar
from mnistx_runtime.artifact.sizes import require_metadata_size
from mnistx_runtime.errors import ArtifactError

SUFFIX = ".html"
METADATA, MODEL = "mnistx-metadata", "mnistx-model"
"""The blocks' ids."""


def is_page(path: Path) -> bool:
    """Whether a file holds a model, and isn't a report or any other page."""
    try:
        return _start(MODEL) in path.read_bytes()
    except OSError:
        return False


def block(name: str, content: str) -> str:
    """A block of a page that isn't run.

    >>> block("a", '{"text": "</script>"}')
    '<script type="application/json" id="a">{"text": "\\\\u003c/script>"}</script>'
    """
    return f"{_start(name).decode()}{content.replace('<', chr(92) + 'u003c')}</script>"


def read_block(page: bytes, name: str, source: str) -> bytes:
    """The content of a block.

    Raises:
        ArtifactError: there's none, or several.
    """
    return _find(page, name, source)[1]


def read_props(files: Mapping[str, bytes], source: str) -> dict[str, str]:
    """The metadata in the page.

    Raises:
        ArtifactError: there are none, or they are damaged.
    """
    content = read_block(files[SUFFIX], METADATA, source)
    require_metadata_size(len(content), source)
    return sidecar.parse(content, source)


def read_parts(files: Mapping[str, bytes], source: str) -> dict[str, bytes]:
    """The payload: the model, and all else of the page but the metadata."""
    before, _, after = _find(files[SUFFIX], METADATA, source)
    page = before + after
    start, model, end = _find(page, MODEL, source)
    return {"model": model, "page": start + end}


def write_props(files: Mapping[str, bytes], props: Mapping[str, str]) -> dict[str, bytes]:
    """The page with this metadata."""
    before, _, after = _find(files[SUFFIX], METADATA, "the page")
    content = json.dumps({"props": dict(props)}, sort_keys=True).replace("<", "\\u003c") if props else ""
    return {**files, SUFFIX: before + content.encode() + after}


def _find(page: bytes, name: str, source: str) -> tuple[bytes, bytes, bytes]:
    """What stands before the content of the only block of this name, it, and what follows."""
    found = [each.end() for each in re.finditer(re.escape(_start(name)), page)]
    end = page.find(b"</script>", found[0]) if len(found) == 1 else -1
    if end < 0:
        raise ArtifactError(f"{source} is not a readable model of mnistx's: it has no block {name!r}, or several")
    return page[: found[0]], page[found[0] : end], page[end:]


def _start(name: str) -> bytes:
    return f'<script type="application/json" id="{name}">'.encode()
