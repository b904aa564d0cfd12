"""ONNX Runtime's own format, for builds of it that hold only the operators a model needs.

Its metadata lies in a zip archive after it.
"""

import logging
import tempfile
import warnings
from functools import partial
from pathlib import Path

import onnxruntime
from onnxruntime.tools.ort_format_model import create_config_from_models

from mnistx_export.formats.base import Conversion, Format
from mnistx_export.formats.onnx import check_opset, onnx_bytes, onnx_model, required_runtime
from mnistx_runtime.artifact.container import Files


def ort_from_module(conversion: Conversion) -> Files:
    """The model, optimized for any CPU, and the list of its operators and types that a reduced build is made with.

    The layouts that x86 alone knows are left out, as the file is for other machines than the one that wrote it; on
    x86 they would save a third of the time. The bytes differ from run to run: ONNX Runtime writes its hash tables in
    the order in which they lie in memory.
    """
    with tempfile.TemporaryDirectory() as folder:
        path, config = Path(folder) / "model.ort", Path(folder) / "operators.config"
        session = onnxruntime.SessionOptions()
        session.log_severity_level = 4
        session.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        session.optimized_model_filepath = str(path)
        session.add_session_config_entry("session.save_model_format", "ORT")
        data = onnx_bytes(onnx_model(conversion))
        onnxruntime.InferenceSession(data, session, providers=["CPUExecutionProvider"])
        logger = logging.getLogger("ort_format_model.utils")
        level = logger.level
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it leaves the file to the garbage collector
            logger.setLevel(logging.ERROR)
            create_config_from_models([path], config, enable_type_reduction=True)
        logger.setLevel(level)
        operators = [line for line in config.read_text().splitlines(keepends=True) if not line.startswith("#")]
        return {".ort": path.read_bytes(), ".required_operators.config": "".join(operators).encode()}


ORT = Format(
    name="ort",
    suffix=".ort",
    write=ort_from_module,
    check_opset=check_opset,
    requires=partial(required_runtime, least="1.16"),
)
"""ONNX Runtime 1.15 reads an older version of its own format."""
