"""C99 in whole numbers up to the last layer's sums, quantized as onnx-int8 is."""

from dataclasses import replace

from mnistx_export.formats.base import INT8, Conversion, Format
from mnistx_export.formats.c import c_from_onnx
from mnistx_export.formats.onnx_int8 import ALL_OPERATORS, quantized_model
from mnistx_runtime.artifact.c_folder import SUFFIX
from mnistx_runtime.artifact.container import Files


def c_int8_from_module(conversion: Conversion) -> Files:
    """The files of the folder.

    Raises:
        BadInput: a layer can't be written; the text names it.
    """
    return c_from_onnx(quantized_model(conversion, ALL_OPERATORS), conversion)


C_INT8 = Format(
    name="c-int8",
    suffix=SUFFIX,
    variant="-int8",
    write=c_int8_from_module,
    tolerance=replace(INT8, own_atol=1e-3),  # whole numbers are the same everywhere, only the last layer is rounded
    baseline="c",
    folder=True,
)
