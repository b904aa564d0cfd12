"""The code of a model for each target, sealed as it is exported, under the name `model`."""

import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from onnx import ModelProto

from mnistx_export.exporter import write_files
from mnistx_export.formats.base import Conversion, Format
from mnistx_export.formats.c import C, c_from_onnx
from mnistx_export.formats.c_int8 import C_INT8
from mnistx_export.formats.onnx import onnx_model
from mnistx_export.formats.onnx_int8 import ALL_OPERATORS, quantized_model
from mnistx_export.model import Model
from mnistx_runtime.artifact.c_folder import SUFFIX
from mnistx_runtime.artifact.certificate import Certificate
from mnistx_runtime.artifact.container import Files, open_artifact, seal
from mnistx_runtime.backends import backend
from mnistx_train.evaluation.inference import evaluation_mode

Sources = dict[str, bytes]
"""Of the files at the top of the folder, names and contents."""


def write_sources(model: Model, targets: Iterable[str]) -> dict[tuple[str, str], Sources]:
    """The code of formats c and c-int8.

    Args:
        model: with images to calibrate on.
        targets: see `codegen.kernels.KERNELS`.

    Returns:
        By the format's name and the target.
    """
    conversion = Conversion(model.deployed, model.spec, None, model.calibration)
    with evaluation_mode(model.deployed), torch.random.fork_rng(devices=[]):
        graphs = {C: onnx_model(conversion), C_INT8: quantized_model(conversion, ALL_OPERATORS)}
    found = {}
    for format, graph in graphs.items():
        certificate = _certificate(model, format, graph, conversion)
        for target in targets:
            files = seal(SUFFIX, c_from_onnx(graph, replace(conversion, target=target)), model.metadata, certificate)
            found[format.name, target] = _top(files)
    return found


def _certificate(model: Model, format: Format, graph: ModelProto, conversion: Conversion) -> Certificate:
    """Of int8, with its own answers: those of plain C99 on this machine."""
    certificate = model.certificate(format.tolerance)
    if not format.tolerance.reduced:
        return certificate
    files = seal(SUFFIX, c_from_onnx(graph, replace(conversion, target="portable")), model.metadata, certificate)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"model{SUFFIX}"
        write_files(path, format, files)
        own: NDArray[np.float32] = backend("c").load(open_artifact(path), 1).run(certificate.images)
    return replace(certificate, own=own)


def _top(files: Files) -> Sources:
    inside = {ending.partition("/")[2]: data for ending, data in files.items()}
    return {name: data for name, data in inside.items() if name.endswith((".c", ".h")) and "/" not in name}
