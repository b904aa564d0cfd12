"""The formats: one table, and one file each that turns the module to deploy into bytes."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from mnistx_runtime.table import look_up

FORMATS = {
    "onnx": "mnistx_export.formats.onnx:ONNX",
    "torchscript": "mnistx_export.formats.torchscript:TORCHSCRIPT",
}

DEFAULT_OPSET = 20


@dataclass(frozen=True)
class Options:
    """What a user may choose about a format.

    Args:
        opset: the ONNX operator set.
    """

    opset: int = DEFAULT_OPSET


@dataclass(frozen=True)
class Format:
    """One way to write a model.

    Args:
        name: as `--format` takes it.
        suffix: of its files; the runtime's `SUFFIXES` names what runs them.
        write: `(module, string properties, options)` to the bytes of a file that holds both. Same arguments, same
            bytes.
        check: raises BadInput for options that the format can't fulfil.
    """

    name: str
    suffix: str
    write: Callable[[nn.Module, dict[str, str], Options], bytes]
    check: Callable[[Options], None] = lambda _: None


def format_named(name: str) -> Format:
    """The format of that name.

    Raises:
        BadInput: there's none; the text gives the nearest.
    """
    found: Format = look_up(FORMATS, name, "format")
    return found
