"""torch.export's archive, PyTorch's successor of TorchScript. What it would pickle, the sample inputs, is left out."""

import io
import json
import warnings
import zipfile
from typing import Any

import torch
from torch import nn

from mnistx_export.deployed import example
from mnistx_export.formats import Files, Format, Options
from mnistx_runtime.backends.torch_session import PROPS_FILE

MAX_BATCH = 4096


def pt2_from_module(module: nn.Module, props: dict[str, str], options: Options) -> Files:  # noqa: ARG001
    """One archive, metadata in an extra file.

    Args:
        module: from uint8 `(N, 1, 28, 28)` to `(N, classes)`.
        props: what goes into the extra file.
        options: none apply.
    """
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        batch = torch.export.Dim("batch", min=1, max=MAX_BATCH)
        program = torch.export.export(module, (example(2),), dynamic_shapes=({0: batch},))
        torch.export.save(program, file, extra_files={PROPS_FILE: json.dumps(props)})
    return {".pt2": _canonical(file.getvalue())}


def _canonical(archive: bytes) -> bytes:
    """The same archive without local paths, sample inputs and the serial id."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as source, zipfile.ZipFile(out, "w") as target:
        for entry in source.infolist():
            data = source.read(entry)
            if "/sample_inputs/" in entry.filename:
                data = b""
            elif "/models/" in entry.filename:
                data = json.dumps(_without_traces(json.loads(data))).encode()
            if not entry.filename.endswith("/serialization_id"):
                target.writestr(zipfile.ZipInfo(entry.filename), data)
    return out.getvalue()


def _without_traces(values: Any) -> Any:
    if isinstance(values, dict):
        return {name: _without_traces(value) for name, value in values.items() if name != "stack_trace"}
    return [_without_traces(value) for value in values] if isinstance(values, list) else values


PT2 = Format(name="pt2", suffix=".pt2", write=pt2_from_module)
