"""ONNX: one self-contained file, batch free, metadata in its `metadata_props`."""

import warnings

import onnx
import torch
from torch import nn

from mnistx_export import __version__
from mnistx_export.deployed import example
from mnistx_export.formats import DEFAULT_OPSET, Files, Format, Options
from mnistx_runtime.artifact.metadata import INPUT, OUTPUT
from mnistx_runtime.errors import BadInput

OPSETS = range(18, 25)
"""What the exporter writes natively. Asked for an older one, it falls back or silently writes 18."""


def check(options: Options) -> None:
    """Refuse an operator set that isn't one of `OPSETS`.

    Raises:
        BadInput: it isn't.
    """
    if options.opset is not None and options.opset not in OPSETS:
        raise BadInput(f"ONNX opset {options.opset} can't be written; {OPSETS[0]} to {OPSETS[-1]} can")


def onnx_from_module(module: nn.Module, props: dict[str, str], options: Options) -> Files:
    """One file that holds all.

    Args:
        module: from uint8 `(N, 1, 28, 28)` to `(N, classes)`.
        props: what goes into `metadata_props`.
        options: the operator set.

    Raises:
        BadInput: the operator set isn't one of `OPSETS`.
    """
    return {".onnx": onnx_bytes(onnx_model(module, options), props)}


def onnx_model(module: nn.Module, options: Options) -> onnx.ModelProto:
    """An ONNX model without metadata, which other formats are made of too.

    Args:
        module: from uint8 `(N, 1, 28, 28)` to `(N, classes)`.
        options: the operator set.

    Raises:
        BadInput: the operator set isn't one of `OPSETS`.
    """
    check(options)
    opset = options.opset or DEFAULT_OPSET
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            module,
            (example(2),),
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            opset_version=opset,
            external_data=False,
            verbose=False,
        )
    assert program is not None
    model: onnx.ModelProto = program.model_proto
    written = model.opset_import[0].version
    if written != opset:
        raise BadInput(f"asked for ONNX opset {opset}, the exporter wrote {written}")
    clean(model)
    return model


def onnx_bytes(model: onnx.ModelProto, props: dict[str, str]) -> bytes:
    """The bytes of a checked model with its metadata."""
    for name, value in props.items():
        model.metadata_props.add(key=name, value=value)
    onnx.checker.check_model(model, full_check=True)
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def clean(model: onnx.ModelProto) -> None:
    """Strip what converters note of their own work: absolute paths, source lines, shapes of every step."""
    graph = model.graph
    for holder in (model, graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        del holder.metadata_props[:]
        holder.doc_string = ""
    del graph.value_info[:]
    graph.name = "mnistx"
    model.producer_name, model.producer_version = "mnistx", __version__


ONNX = Format(name="onnx", suffix=".onnx", write=onnx_from_module, check=check)
