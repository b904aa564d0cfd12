"""ONNX with its weights and arithmetic in float16: half the size, for devices that compute in it."""

from onnxruntime.transformers.float16 import convert_float_to_float16
from torch import nn

from mnistx_export.formats import Files, Format, Options, Tolerance
from mnistx_export.formats.onnx import check, clean, onnx_bytes, onnx_model


def onnx_fp16_from_module(module: nn.Module, props: dict[str, str], options: Options) -> Files:
    """One file; `image` and `log_probs` keep their types.

    Args:
        module: from uint8 `(N, 1, 28, 28)` to `(N, classes)`.
        props: what goes into `metadata_props`.
        options: the operator set.
    """
    model = convert_float_to_float16(onnx_model(module, options), keep_io_types=True)
    clean(model)
    return {".onnx": onnx_bytes(model, props)}


ONNX_FP16 = Format(
    name="onnx-fp16",
    suffix=".onnx",
    variant="-fp16",
    write=onnx_fp16_from_module,
    check=check,
    tolerance=Tolerance(atol=0.05, changed=1e-4, own_atol=0.02),
)
