"""OpenVINO's intermediate representation, read from ONNX; metadata in its rt_info."""

import tempfile
from pathlib import Path

from torch import nn

from mnistx_export.formats import Files, Format, Options
from mnistx_export.formats.onnx import check, onnx_bytes, onnx_model
from mnistx_runtime.backends.openvino import SECTION


def openvino_from_module(module: nn.Module, props: dict[str, str], options: Options) -> Files:
    """The graph and its weights, in float32.

    Args:
        module: from uint8 `(N, 1, 28, 28)` to `(N, classes)`.
        props: what goes into rt_info.
        options: the operator set of the ONNX model in between.
    """
    import openvino

    model = openvino.Core().read_model(onnx_bytes(onnx_model(module, options), {}))
    for number, step in enumerate(model.get_ordered_ops()):  # its own names count on through a process
        if step.get_type_name() not in ("Parameter", "Result"):
            step.set_friendly_name(f"{step.get_type_name()}_{number}")
    for name, value in props.items():
        model.set_rt_info(value, [SECTION, name])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.xml"
        openvino.save_model(model, path, compress_to_fp16=False)
        return {".xml": path.read_bytes(), ".bin": path.with_suffix(".bin").read_bytes()}


OPENVINO = Format(name="openvino", suffix=".xml", write=openvino_from_module, check=check, needs=("openvino",))
