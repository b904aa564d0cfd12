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
    """The same archive without what differs from run to run: debug files (they hold local paths), the serial id, and
    the number that TorchScript gives a class the nth time it sees it."""
    entries = {}
    for name, data in read_archive(archive, "TorchScript's archive").items():
        if not name.endswith((".debug_pkl", "/.data/serialization_id")):
            unnumbered = _unnumber(name.encode()).decode()
            entries[unnumbered] = data if "/constants/" in unnumbered else _unnumber(data)
    return write_archive(entries)


def _unnumber(data: bytes) -> bytes:
    return re.sub(rb"___torch_mangle_\d+", b"___torch_mangle_0", data)


TORCHSCRIPT = Format(name="torchscript", suffix=".torchscript", write=torchscript_from_module)
