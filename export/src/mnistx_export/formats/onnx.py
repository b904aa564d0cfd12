"""ONNX: one self-contained file, batch free, metadata in its `metadata_props`."""

import warnings

import onnx
import torch
from torch import nn

from mnistx_export import __version__
from mnistx_export.deployed import example
from mnistx_export.formats import Format, Options
from mnistx_runtime.artifact import INPUT, OUTPUT
from mnistx_runtime.errors import BadInput

OPSETS = range(18, 25)
"""What the exporter writes natively. Asked for an older one, it falls back or silently writes 18."""


def check(options: Options) -> None:
    """Refuse an operator set that isn't one of `OPSETS`.

    Raises:
        BadInput: it isn't.
    """
    if options.opset not in OPSETS:
        raise BadInput(f"ONNX opset {options.opset} can't be written; {OPSETS[0]} to {OPSETS[-1]} can")


def onnx_from_module(module: nn.Module, props: dict[str, str], options: Options) -> bytes:
    """An ONNX model.

    Args:
        module: from uint8 `(N, 1, 28, 28)` to `(N, classes)`.
        props: what goes into `metadata_props`.
        options: the operator set.

    Raises:
        BadInput: the operator set isn't one of `OPSETS`.
    """
    check(options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            module,
            (example(2),),
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            opset_version=options.opset,
            external_data=False,
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    written = model.opset_import[0].version
    if written != options.opset:
        raise BadInput(f"asked for ONNX opset {options.opset}, the exporter wrote {written}")
    _clean(model)
    for name, value in props.items():
        model.metadata_props.add(key=name, value=value)
    onnx.checker.check_model(model, full_check=True)
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def _clean(model: onnx.ModelProto) -> None:
    """Strip what the exporter notes of its own work: absolute paths, source lines, shapes of every step."""
    graph = model.graph
    for holder in (model, graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        del holder.metadata_props[:]
        holder.doc_string = ""
    del graph.value_info[:]
    graph.name = "mnistx"
    model.producer_name, model.producer_version = "mnistx", __version__


ONNX = Format(name="onnx", suffix=".onnx", write=onnx_from_module, check=check)
