"""torch.export's archive, PyTorch's successor of TorchScript. What it would pickle, the sample inputs, is left out."""

import io
import json
import warnings
from typing import Any

import torch

from mnistx_export.formats.base import Conversion, Format
from mnistx_runtime.artifact.archive import read_archive, write_archive
from mnistx_runtime.artifact.container import Files

MAX_BATCH = 4096
_ORIGIN = ("stack_trace", "from_node", "nn_module_stack", "source_fn_stack", "torch_fn")


def pt2_from_module(conversion: Conversion) -> Files:
    """One archive."""
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.export.save(conversion.program(MAX_BATCH), file)
    return {".pt2": _canonical(file.getvalue())}


def _canonical(archive: bytes) -> bytes:
    """The same archive without local paths, sample inputs and the serial id."""
    entries = {}
    for name, data in read_archive(archive, "torch.export's archive").items():
        if "/sample_inputs/" in name:
            data = b""
        elif "/models/" in name:
            data = json.dumps(_drop_traces(json.loads(data))).encode()
        if not name.endswith("/serialization_id"):
            entries[name] = data
    return write_archive(entries)


def _drop_traces(values: Any) -> Any:
    """The same without where each node comes from: lines of files, modules and graphs by their addresses in memory."""
    if isinstance(values, dict):
        return {name: _drop_traces(value) for name, value in values.items() if name not in _ORIGIN}
    return [_drop_traces(value) for value in values] if isinstance(values, list) else values


PT2 = Format(name="pt2", suffix=".pt2", write=pt2_from_module)
