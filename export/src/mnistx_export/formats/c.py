"""C99 in float32: a folder of code that computes the network, with nothing else to link."""

import onnx

from mnistx_export.codegen.onnx_reader import network_from_onnx
from mnistx_export.codegen.reader import Reader, reader_files
from mnistx_export.codegen.resizer import resizer_files
from mnistx_export.codegen.source import c_files
from mnistx_export.formats.base import Conversion, Format
from mnistx_export.formats.onnx import onnx_model
from mnistx_runtime.artifact.c_folder import SUFFIX
from mnistx_runtime.artifact.c_text import identifier
from mnistx_runtime.artifact.container import Files


def c_from_module(conversion: Conversion) -> Files:
    """The files of the folder.

    Raises:
        BadInput: a layer can't be written; the text names it.
    """
    return c_from_onnx(onnx_model(conversion), conversion)


def c_from_onnx(model: onnx.ModelProto, conversion: Conversion) -> Files:
    """The files of the folder, of a model in float32 or quantized."""
    name = identifier(conversion.name)
    files = c_files(network_from_onnx(model), name, conversion.target)
    files |= picture_files(conversion, name)
    return {f"{SUFFIX}/{path}": data for path, data in files.items()}


def picture_files(conversion: Conversion, name: str) -> dict[str, bytes]:
    """What makes the model's image of a picture; nothing for a preprocess that is only in Python."""
    spec = conversion.spec
    if spec.preprocess == "mnist-digit":
        return reader_files(Reader(conversion.temperature, bool(spec.parameters.get("reject", True))), name)
    return resizer_files(spec, name) if spec.preprocess == "resize" else {}


C = Format(name="c", suffix=SUFFIX, write=c_from_module, folder=True)
