"""The files in C that make a digit model's image of a picture: the digit reader's steps, one template each."""

from dataclasses import dataclass

from mnistx_export.codegen.reader_pair import fill_pair
from mnistx_runtime.artifact.c_reader import STATUSES
from mnistx_runtime.artifact.c_text import float_literal
from mnistx_runtime.preprocess.mnist_digit import MnistDigit

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
    "frames",
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
    "find",
    "reason",
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
        "reader_version": MnistDigit.version,
        "bytes": _BYTES,
        "temperature": float_literal(reader.temperature),
        "reject": reader.reject,
    }
    return fill_pair(name, "read.h", _STEPS, values, STATUSES)
