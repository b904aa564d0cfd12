"""The two files that read pictures beside a model: templates, one after the other, and a header; and an example."""

from collections.abc import Iterable, Mapping, Sequence
from types import SimpleNamespace

from jinja2 import Environment

from mnistx_export import __version__
from mnistx_export.codegen.templating import environment
from mnistx_runtime.artifact.c_reader import SUFFIX, UNKNOWN, Status
from mnistx_runtime.artifact.c_text import string

LARGEST = 4096
"""Pixels a side of a picture. The Python reader averages larger ones down twice."""


def fill_pair(
    name: str, header: str, steps: Iterable[str], values: Mapping[str, object], statuses: Sequence[Status]
) -> dict[str, bytes]:
    """The pair of files, and a program that calls them.

    Args:
        name: of the model; see `c_files`.
        header: its template, in `templates/read`.
        steps: the templates of the code, in the order in which they call each other.
        values: that they are filled with, beside those that every reader has.
        statuses: that it gives.

    Returns:
        Names, and contents.
    """
    common = {
        "channels": 1,
        "name": name,
        "upper": name.upper(),
        "version": __version__,
        "largest": LARGEST,
        "reasons": [SimpleNamespace(**each._asdict(), literal=string(each.text)) for each in statuses],
        "unknown": string(UNKNOWN),
    }
    fill = {
        f"{name}{SUFFIX}.h": [header],
        f"{name}{SUFFIX}.c": [f"{step}.c" for step in steps],
        "example/picture.c": ["picture.c"],
    }
    templates = environment()
    return {
        file: ("\n\n".join(_fill(templates, part, {**common, **values}) for part in parts) + "\n").encode()
        for file, parts in fill.items()
    }


def _fill(templates: Environment, part: str, values: Mapping[str, object]) -> str:
    return templates.get_template(f"read/{part}").render(values).strip("\n")
