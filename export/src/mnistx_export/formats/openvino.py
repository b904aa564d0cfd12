"""OpenVINO's intermediate representation, read from ONNX; metadata in a JSON beside it."""

import tempfile
from pathlib import Path

from mnistx_export.formats.base import Conversion, Format
from mnistx_export.formats.onnx import check_opset, onnx_bytes, onnx_model
from mnistx_runtime.artifact.container import Files


def openvino_from_module(conversion: Conversion) -> Files:
    """The graph and its weights, in float32."""
    from mnistx_runtime.backends.openvino import import_openvino

    openvino = import_openvino()
    model = openvino.Core().read_model(onnx_bytes(onnx_model(conversion)))
    for number, step in enumerate(model.get_ordered_ops()):  # its own names count on through a process
        if step.get_type_name() not in ("Parameter", "Result"):
            step.set_friendly_name(f"{step.get_type_name()}_{number}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.xml"
        openvino.save_model(model, path, compress_to_fp16=False)
        return {".xml": path.read_bytes(), ".bin": path.with_suffix(".bin").read_bytes()}


OPENVINO = Format(
    name="openvino", suffix=".xml", write=openvino_from_module, check_opset=check_opset, needs=("openvino",)
)
