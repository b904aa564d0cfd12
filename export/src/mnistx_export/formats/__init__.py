"""The formats: one table, read without importing torch, and one file each that turns a module into files."""

FORMATS = {
    "onnx": "mnistx_export.formats.onnx:ONNX",
    "onnx-fp16": "mnistx_export.formats.onnx_fp16:ONNX_FP16",
    "onnx-int8": "mnistx_export.formats.onnx_int8:ONNX_INT8",
    "ort": "mnistx_export.formats.ort:ORT",
    "torchscript": "mnistx_export.formats.torchscript:TORCHSCRIPT",
    "pt2": "mnistx_export.formats.pt2:PT2",
    "openvino": "mnistx_export.formats.openvino:OPENVINO",
    "litert": "mnistx_export.formats.litert:LITERT",
    "litert-int8": "mnistx_export.formats.litert_int8:LITERT_INT8",
    "executorch": "mnistx_export.formats.executorch:EXECUTORCH",
    "ncnn": "mnistx_export.formats.ncnn:NCNN",
    "c": "mnistx_export.formats.c:C",
    "c-int8": "mnistx_export.formats.c_int8:C_INT8",
    "web": "mnistx_export.formats.web:WEB",
    "web-fp32": "mnistx_export.formats.web_fp32:WEB_FP32",
    "triton": "mnistx_export.formats.triton:TRITON",
    "coreml": "mnistx_export.formats.coreml:COREML",
}

TARGETS = {
    "speed": "hosts: with vectors where the compiler has them",
    "portable": "plain C99",
    "size": "microcontrollers: little memory, little code",
}
"""What code is generated for, the default first."""
