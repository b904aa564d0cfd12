"""The files in C that make a digit model's image of a picture: the digit reader's steps, one template each."""

from dataclasses import dataclass
from types import SimpleNamespace

from mnistx_export import __version__
from mnistx_export.codegen.templating import environment
from mnistx_runtime.artifact.c_reader import STATUSES, SUFFIX, UNKNOWN
from mnistx_runtime.artifact.c_text import float_literal, string
from mnistx_runtime.preprocess.mnist_digit import MnistDigit

LARGEST = 4096
"""Pixels a side of a picture; what is larger the Python reader averages down twice."""

_BYTES = 951 * 1024  # of the workspace, without the model's own; the code doesn't compile where it needs more
_STEPS = (
    "head",
    "space",
    "numbers",
    "shrink",
    "resample",
    "blur",
    "top_hat",
    "pen",
    "ink",
    "otsu",
    "pieces",
    "lines",
    "printed",
    "erase",
    "segment",
    "several",
    "digit",
    "image",
    "plausible",
    "cuts",
    "parts",
    "read",
)
"""The templates, in the order in which they call each other."""


@dataclass(frozen=True)
class Reader:
    """How pictures are read.

    Args:
        temperature: what log-probabilities are divided by; see `Metadata`.
        reject: whether what no digit looks like is turned down.
    """

    temperature: float = 1.0
    reject: bool = True


def reader_files(reader: Reader, name: str) -> dict[str, bytes]:
    """The pair of files.

    Args:
        reader: what they hold.
        name: of the model; see `c_files`.

    Returns:
        Names, and contents.
    """
    values = {
        "name": name,
        "upper": name.upper(),
        "version": __version__,
        "reader_version": MnistDigit.version,
        "largest": LARGEST,
        "bytes": _BYTES,
        "temperature": float_literal(reader.temperature),
        "reject": reader.reject,
        "reasons": [SimpleNamespace(**each._asdict(), literal=string(each.text)) for each in STATUSES],
        "unknown": string(UNKNOWN),
    }
    steps = (environment().get_template(f"read/{step}.c").render(values).strip("\n") for step in _STEPS)
    return {
        f"{name}{SUFFIX}.h": environment().get_template("read/read.h").render(values).encode(),
        f"{name}{SUFFIX}.c": ("\n\n".join(steps) + "\n").encode(),
    }
