"""One HTML page that holds the model in whole numbers, and what a person needs to use it."""

import onnx

from mnistx_export.codegen.onnx_reader import network_from_onnx
from mnistx_export.codegen.source import c_files
from mnistx_export.formats.base import Conversion, Format
from mnistx_export.formats.c import picture_files
from mnistx_export.formats.c_int8 import C_INT8
from mnistx_export.formats.onnx_int8 import ALL_OPERATORS, quantized_model
from mnistx_export.web.page import build_page
from mnistx_export.web.wasm import wasm_from_c
from mnistx_runtime.artifact.c_text import identifier
from mnistx_runtime.artifact.container import Files
from mnistx_runtime.artifact.web_page import SUFFIX
from mnistx_runtime.errors import BadInput

_TARGET = "speed"


def web_from_module(conversion: Conversion) -> Files:
    """The page.

    Raises:
        BadInput: a layer can't be written; the text names it.
    """
    return web_from_onnx(quantized_model(conversion, ALL_OPERATORS), conversion)


def web_from_onnx(model: onnx.ModelProto, conversion: Conversion) -> Files:
    """The page of a model in float32 or quantized."""
    name = identifier(conversion.name)
    pictures = picture_files(conversion, name)
    if not pictures and conversion.spec.preprocess != "none":
        raise BadInput(
            f"a page can't prepare pictures by preprocess {conversion.spec.preprocess!r} as this spec asks for it: "
            "'mnist-digit' and 'none' it can, and 'resize' with antialias in bilinear, bicubic or box"
        )
    files = c_files(network_from_onnx(model), name, _TARGET) | pictures
    return {SUFFIX: build_page(wasm_from_c(files, name))}


WEB = Format(
    name="web",
    suffix=SUFFIX,
    write=web_from_module,
    tolerance=C_INT8.tolerance,
    needs=("ziglang",),
    baseline="web-fp32",
)
