"""ONNX: one self-contained file, batch free, metadata in its `metadata_props`."""

import warnings
from collections.abc import Iterable
from typing import Any

import onnx
import torch

from mnistx_export import __version__
from mnistx_export.formats.base import Conversion, Format
from mnistx_runtime.artifact import onnx_graph
from mnistx_runtime.artifact.container import Files
from mnistx_runtime.artifact.metadata import INPUT, OUTPUT
from mnistx_runtime.errors import BadInput

DEFAULT_OPSET = 20
OPSETS = range(18, 25)
"""What the exporter writes natively. Asked for an older one, it falls back or silently writes 18."""

_WEIGHTS_APART = 4  # the IR version from which on initializers need not be inputs, onnx.proto says

PREFIX = "module."  # of the user's module in `DeployedModule`


def check_opset(opset: int | None) -> None:
    """Refuse an operator set that isn't one of `OPSETS`.

    Raises:
        BadInput: it isn't.
    """
    if opset is not None and opset not in OPSETS:
        raise BadInput(f"ONNX opset {opset} can't be written; {OPSETS[0]} to {OPSETS[-1]} can")


def required_runtime(opset: int | None, least: str = onnx_graph.RELEASES[0][0]) -> str:
    """The oldest ONNX Runtime that reads what is written here with an operator set; None for 20.

    Args:
        opset: see `OPSETS`.
        least: see `onnx_graph.required_runtime`.

    >>> required_runtime(None)
    'onnxruntime>=1.17'
    """
    opset = opset or DEFAULT_OPSET
    return onnx_graph.required_runtime(opset, least_ir_version([onnx.helper.make_opsetid("", opset)]), least)


def least_ir_version(opsets: Iterable[onnx.OperatorSetIdProto]) -> int:
    """The lowest version of the file format that these operators go with, at least the first one in which weights
    needn't be inputs: ONNX Runtime refuses a file for this number alone.

    Args:
        opsets: the domains that a model imports, and their versions; those that ONNX doesn't define don't count.

    Raises:
        ValueError: a version is newer than the installed onnx.
    """
    own = [opset for opset in opsets if not opset.domain or opset.domain.startswith("ai.onnx")]
    least: int = onnx.helper.find_min_ir_version_for(own)
    return max(_WEIGHTS_APART, least)


def onnx_from_module(conversion: Conversion) -> Files:
    """One file that holds all.

    Raises:
        BadInput: the operator set isn't one of `OPSETS`.
    """
    return {".onnx": onnx_bytes(onnx_model(conversion))}


def onnx_model(conversion: Conversion) -> onnx.ModelProto:
    """An ONNX model, which other formats are made of too. Its parameters keep the names that the module gives them.

    Raises:
        BadInput: the operator set isn't one of `OPSETS`, or the module takes no batch but the example's.
    """
    check_opset(conversion.opset)
    opset = conversion.opset or DEFAULT_OPSET
    model: onnx.ModelProto = _export(conversion.deployed, conversion, opset)
    if not _is_free(model):  # what froze it is found in the way that reads the code
        model = _export(conversion.program(), conversion, opset)
    written = model.opset_import[0].version
    if written != opset:
        raise BadInput(f"asked for ONNX opset {opset}, the exporter wrote {written}")
    clean(model)
    rename_parameters(model)
    return model


def _export(module: torch.nn.Module | torch.export.ExportedProgram, conversion: Conversion, opset: int) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            module,
            (conversion.example(2),),
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            opset_version=opset,
            external_data=False,
            verbose=False,
        )
    assert program is not None
    return program.model_proto


def _is_free(model: onnx.ModelProto) -> bool:
    """Whether the batch is free."""
    return bool(model.graph.input[0].type.tensor_type.shape.dim[0].dim_param)


def onnx_bytes(model: onnx.ModelProto) -> bytes:
    """The bytes of a model, checked."""
    onnx.checker.check_model(model, full_check=True)
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def clean(model: onnx.ModelProto) -> None:
    """Strip what converters note of their own work: absolute paths, source lines, shapes of every step, and an IR
    version that nothing in the model needs.
    """
    graph = model.graph
    for holder in (model, graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        del holder.metadata_props[:]
        holder.doc_string = ""
    del graph.value_info[:]
    graph.name = "mnistx"
    model.producer_name, model.producer_version = "mnistx", __version__
    model.ir_version = least_ir_version(model.opset_import)


def rename_parameters(model: onnx.ModelProto) -> None:
    """Give parameters back the names that they have in the user's module, which is deployed inside another."""
    graph = model.graph
    taken = {tensor.name for tensor in graph.initializer}
    names = {name: name.removeprefix(PREFIX) for name in taken if name.removeprefix(PREFIX) not in taken}
    for tensor in graph.initializer:
        tensor.name = names.get(tensor.name, tensor.name)
    for node in graph.node:
        for at, name in enumerate(node.input):
            node.input[at] = names.get(name, name)


ONNX = Format(name="onnx", suffix=".onnx", write=onnx_from_module, check_opset=check_opset, requires=required_runtime)
