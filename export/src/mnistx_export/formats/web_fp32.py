"""One HTML page that holds the model in float32."""

from mnistx_export.formats.base import Conversion, Format
from mnistx_export.formats.onnx import onnx_model
from mnistx_export.formats.web import web_from_onnx
from mnistx_runtime.artifact.container import Files
from mnistx_runtime.artifact.web_page import SUFFIX


def web_fp32_from_module(conversion: Conversion) -> Files:
    """The page.

    Raises:
        BadInput: a layer can't be written; the text names it.
    """
    return web_from_onnx(onnx_model(conversion), conversion)


WEB_FP32 = Format(name="web-fp32", suffix=SUFFIX, variant="-fp32", write=web_fp32_from_module, needs=("ziglang",))
