"""What a browser sees. At `/`: the page of the web format where there is one, else what is served.

The seam to the web format is a file: `mnistx export --format web` writes one .html that holds all it needs, and the one
beside the first MODEL, of the same name, is shown as it is. Nothing else of that format is known here.
"""

import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnistx_runtime.errors import BadInput

if TYPE_CHECKING:
    from mnistx_runtime.serve.models import ServedModel

SUFFIX = ".html"

ICON = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><text x="3" y="14" font-size="16">3</text></svg>'
"""What browsers ask for at whatever address they show."""

_LARGEST = 64 << 20  # bytes


def find_page(models: Sequence[Path]) -> bytes | None:
    """The page beside the first model; None where there's none.

    Raises:
        BadInput: it is far too large for one.
    """
    path = models[0].with_suffix(SUFFIX) if models else None
    if path is None or not path.is_file():
        return None
    if path.stat().st_size > _LARGEST:
        raise BadInput(f"{path} has more than {_LARGEST >> 20} MiB, so it is no page of mnistx's; move it elsewhere")
    return path.read_bytes()


def start_page(models: "Mapping[str, ServedModel]") -> bytes:
    """A plain page: what is served, and how to ask it."""
    rows = "".join(
        f"<li><b>{html.escape(name)}</b>: {html.escape(model.metadata.description)}</li>"
        for name, model in models.items()
    )
    form = (
        '<form action="predict" method="post" enctype="multipart/form-data">'
        '<input type="file" name="picture" accept="image/*" required> <button>What does it show?</button></form>'
    )
    asked = html.escape("curl --data-binary @picture.jpg ADDRESS/predict")
    content = f'<ul>{rows}</ul>{form}<p><code>{asked}</code></p><p><a href="docs">All addresses</a></p>'
    return _page_of("mnistx", content)


def docs_page(document: Mapping[str, Any]) -> bytes:
    """The addresses, what each takes, and what it answers.

    Args:
        document: see `describe_service`.
    """
    rows = []
    for path, methods in document["paths"].items():
        for method, each in methods.items():
            if method == "parameters":
                continue
            options = "".join(_option(option) for option in each.get("parameters", ()))
            answers = "".join(
                f"<li>{status}: {html.escape(answer['description'])}</li>"
                for status, answer in sorted(each["responses"].items())
            )
            rows.append(
                f"<h2><code>{method.upper()} {html.escape(path)}</code></h2><p>{html.escape(each['summary'])}</p>"
                f"<ul>{options}</ul><ul>{answers}</ul>"
            )
    return _page_of("mnistx: addresses", '<p><a href="openapi.json">openapi.json</a></p>' + "".join(rows))


def _option(option: Mapping[str, Any]) -> str:
    return f"<li><code>{html.escape(option['name'])}</code>: {html.escape(option['description'])}</li>"


def _page_of(title: str, content: str) -> bytes:
    """A plain page, of a title and HTML, which loads nothing and runs nothing."""
    style = "body{font:16px/1.5 sans-serif;max-width:46em;margin:2em auto;padding:0 1em}h2{font-size:1em}"
    page = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{html.escape(title)}</title><style>{style}</style><h1>{html.escape(title)}</h1>{content}</html>"
    )
    return page.encode()
