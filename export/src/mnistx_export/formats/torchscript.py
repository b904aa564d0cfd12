"""TorchScript. PyTorch deprecates it in favour of torch.export; it still works, and some fleets still run it."""

import io
import json
import re
import warnings
import zipfile

import torch
from torch import nn

from mnistx_export.deployed import example
from mnistx_export.formats import Files, Format, Options
from mnistx_runtime.backends.torch_session import PROPS_FILE


def torchscript_from_module(module: nn.Module, props: dict[str, str], options: Options) -> Files:  # noqa: ARG001
    """A traced and frozen module, metadata in an extra file.

    Args:
        module: from uint8 `(N, 1, 28, 28)` to `(N, classes)`.
        props: what goes into the extra file.
        options: none apply.
    """
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frozen = torch.jit.freeze(_traced(module))
        torch.jit.save(frozen, file, _extra_files={PROPS_FILE: json.dumps(props)})
    return {".torchscript": _canonical(file.getvalue())}


def _traced(module: nn.Module) -> torch.jit.ScriptModule:
    traced: torch.jit.ScriptModule = torch.jit.trace(module, (example(2),), check_trace=False)  # type: ignore[no-untyped-call]
    return traced


def _canonical(archive: bytes) -> bytes:
    """The same archive without what differs from run to run: debug files (they hold local paths), the serial id, and
    the number that TorchScript gives a class the nth time it sees it."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(archive)) as source,
        zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as target,
    ):
        for entry in source.infolist():
            if entry.filename.endswith((".debug_pkl", "/.data/serialization_id")):
                continue
            name = _unnumbered(entry.filename.encode()).decode()
            data = source.read(entry)
            is_weights = "/constants/" in name or "/extra/" in name
            target.writestr(zipfile.ZipInfo(name), data if is_weights else _unnumbered(data))
    return out.getvalue()


def _unnumbered(data: bytes) -> bytes:
    return re.sub(rb"___torch_mangle_\d+", b"___torch_mangle_0", data)


TORCHSCRIPT = Format(name="torchscript", suffix=".torchscript", write=torchscript_from_module)
