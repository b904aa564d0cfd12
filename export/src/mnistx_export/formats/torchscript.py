"""TorchScript. PyTorch deprecates it in favour of torch.export; it still works, and some fleets still run it."""

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from mnistx_export.formats.base import Conversion, Format, traceable
from mnistx_runtime.artifact.archive import read_archive, write_archive
from mnistx_runtime.artifact.container import Files


def torchscript_from_module(conversion: Conversion) -> Files:
    """A traced and frozen module."""
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.freeze(_trace(conversion)), file)
    return {".torchscript": _canonical(file.getvalue())}


def _trace(conversion: Conversion) -> torch.jit.ScriptModule:
    """The module, traced.

    Tracing loses, without a word, branches that depend on the pixels, which exporting refuses; and it fixes a batch
    whose `len` the code asks for, which exporting keeps free.
    """
    module: torch.nn.Module = conversion.deployed
    try:
        conversion.program(strict=False)
    except Exception:
        module = traceable(conversion.program())
    with _default_settings():
        traced: torch.jit.ScriptModule = torch.jit.trace(  # type: ignore[no-untyped-call]
            module, (conversion.example(2),), check_trace=False
        )
    return traced


@contextmanager
def _default_settings() -> Iterator[None]:
    """Torch as it is imported: tracing writes the settings of cuDNN and determinism into each convolution."""
    before = torch.get_deterministic_debug_mode()
    torch.set_deterministic_debug_mode("default")
    try:
        with torch.backends.cudnn.flags(enabled=True):
            yield
    finally:
        torch.set_deterministic_debug_mode(before)


def _canonical(archive: bytes) -> bytes:
    """The same archive without what has nothing to do with the model: debug files (they hold local paths), the serial
    id, and in the class's name the module that defines it and how often TorchScript has seen it."""
    entries = {}
    for name, data in read_archive(archive, "TorchScript's archive").items():
        if not name.endswith((".debug_pkl", "/.data/serialization_id")):
            renamed = _rename_class(name.encode()).decode()
            entries[renamed] = data if "/constants/" in renamed else _rename_class(data)
    return write_archive(entries)


def _rename_class(data: bytes) -> bytes:
    return re.sub(rb"__torch__([./])[\w./]*___torch_mangle_\d+", rb"__torch__\1model", data)


TORCHSCRIPT = Format(name="torchscript", suffix=".torchscript", write=torchscript_from_module)
