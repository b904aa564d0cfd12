"""Puts a page together: the sources that lie here go into page.html, with a policy that lets nothing else in."""

import re
from binascii import b2a_base64
from hashlib import sha256
from importlib.resources import files

from mnistx_export import __version__
from mnistx_runtime.artifact.wasm import Wasm, wasm_block
from mnistx_runtime.artifact.web_page import METADATA, block

_SCRIPTS = ("model.js", "board.js", "pictures.js", "page.js")
"""In the order in which they import each other."""

_POLICY = (
    "default-src 'none'",
    "script-src {script} 'wasm-unsafe-eval'",
    "style-src {style}",
    "img-src data: blob:",
    "base-uri 'none'",
    "form-action 'none'",
)

_PLACE = re.compile(r"<!-- (\w+) -->|/\* (\w+) \*/")
"""In page.html, what is put in."""


def build_page(wasm: Wasm) -> bytes:
    """A page without metadata, which sealing puts in.

    Args:
        wasm: the model.
    """
    script, style = join_scripts(*_SCRIPTS), read_source("page.css")
    policy = "; ".join(_POLICY).format(script=_source_of(script), style=_source_of(style))
    values = {
        "policy": policy,
        "version": __version__,
        "style": style,
        "metadata": block(METADATA, ""),
        "model": wasm_block(wasm),
        "script": script,
    }
    return _PLACE.sub(lambda found: values[found[1] or found[2]], read_source("page.html")).encode()


def read_source(name: str) -> str:
    """The text of a file that lies here."""
    return files(__package__).joinpath(name).read_text("utf-8")


def join_scripts(*names: str) -> str:
    """One module of several, without the imports between them.

    Raises:
        ValueError: one of them would end the page's own script.

    >>> "import" in join_scripts("board.js")
    False
    """
    texts = [re.sub(r"^import .* from \"\./\w+\.js\";\n", "", read_source(name), flags=re.MULTILINE) for name in names]
    text = "\n".join(texts)
    if "</script" in text or "<!--" in text:
        raise ValueError("a script of the page holds what ends a script")
    return text


def _source_of(text: str) -> str:
    """How a policy names what stands in the page (Content Security Policy Level 3, 2.3.1)."""
    return f"'sha256-{b2a_base64(sha256(text.encode()).digest(), newline=False).decode()}'"
