"""ONNX with its weights and arithmetic in float16: half the size, for devices that compute in it."""

from functools import partial

from onnxruntime.transformers.float16 import convert_float_to_float16

from mnistx_export.formats.base import FLOAT16, Conversion, Format
from mnistx_export.formats.onnx import check_opset, clean, onnx_bytes, onnx_model, required_runtime
from mnistx_runtime.artifact.container import Files


def onnx_fp16_from_module(conversion: Conversion) -> Files:
    """One file; `image` and `log_probs` keep their types."""
    model = convert_float_to_float16(onnx_model(conversion), keep_io_types=True)
    clean(model)
    return {".onnx": onnx_bytes(model)}


ONNX_FP16 = Format(
    name="onnx-fp16",
    suffix=".onnx",
    variant="-fp16",
    write=onnx_fp16_from_module,
    check_opset=check_opset,
    requires=partial(required_runtime, least="1.17"),  # older ones lack operators in float16
    tolerance=FLOAT16,
)
