"""One way to keep a table of things that are named on the command line and imported only when chosen."""

from collections.abc import Iterable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from mnistx_runtime.errors import BadInput


def nearest(name: str, known: Iterable[str]) -> str:
    """A sentence's end that names what is known, the nearest name first if one is near.

    >>> nearest("onxx", ["onnx", "torchscript"])
    "did you mean 'onnx'? known: onnx, torchscript"
    """
    from difflib import get_close_matches

    known = list(known)
    close = get_close_matches(name, known, n=1, cutoff=0.5)
    return (f"did you mean {close[0]!r}? " if close else "") + f"known: {', '.join(known)}"


def look_up(table: Mapping[str, str], name: str, what: str) -> Any:
    """Import the object that a table of "module:object" strings names.

    Args:
        table: names and where their objects lie, such as `{"ort": "mnistx_runtime.backends.ort:Ort"}`.
        name: the name asked for.
        what: what the table holds, for the error's text, such as "runtime".

    Raises:
        BadInput: the name isn't in the table; the text gives the nearest one.

    >>> look_up({"ort": "mnistx_runtime.backends.ort:Ort"}, "ort", "runtime").__name__
    'Ort'
    """
    if not isinstance(name, str) or name not in table:
        raise BadInput(f"unknown {what} {name!r}; {nearest(str(name), table)}")
    module, _, attribute = table[name].partition(":")
    return getattr(import_module(module), attribute)


def missing(extra: str, *packages: str) -> str | None:
    """The line that installs the first of these packages that isn't there; None if all are. None is imported.

    Args:
        extra: of mnistx-runtime, which brings them.
        packages: as they are imported.

    >>> missing("openvino", "numpy") is None
    True
    >>> missing("ncnn", "no_such_package")
    "no_such_package is missing: pip install 'mnistx-runtime[ncnn]'"
    """
    absent = next((package for package in packages if not find_spec(package)), None)
    return f"{absent} is missing: pip install 'mnistx-runtime[{extra}]'" if absent else None
