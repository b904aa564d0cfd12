"""TorchScript. PyTorch deprecates it in favour of torch.export; it still works, and some fleets still run it."""

import io
import re
import warnings

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
    traced: torch.jit.ScriptModule = torch.jit.trace(  # type: ignore[no-untyped-call]
        module, (conversion.example(2),), check_trace=False
    )
    return traced


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
