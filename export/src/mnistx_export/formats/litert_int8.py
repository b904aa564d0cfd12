"""LiteRT quantized to int8, weights by channel and activations by tensor; the last layer stays float32."""

from typing import Any

from torch import nn

from mnistx_export.formats.base import INT8, Conversion, Format
from mnistx_export.formats.litert import litert_from_module
from mnistx_export.formats.onnx_int8 import calibration_images
from mnistx_runtime.artifact.container import Files
from mnistx_runtime.artifact.metadata import INPUT
from mnistx_runtime.system.quiet import quiet


def litert_int8_from_module(conversion: Conversion) -> Files:
    """One file."""
    images = calibration_images(conversion)[:, None]
    (float32,) = litert_from_module(conversion).values()
    with quiet():
        from ai_edge_quantizer.calibrator import CalibrationMode, Calibrator
        from ai_edge_quantizer.quantizer import Quantizer
        from ai_edge_quantizer.utils.qsv_utils import min_max_update

        manager = _recipes(_last_linear(conversion.deployed))
        mode = CalibrationMode.CALIBRATION_PRESERVE_ALL_TENSORS
        calibrator = Calibrator(float32, num_threads=1, mode=mode, qsv_update_func=min_max_update)
        calibrator.calibrate({"serving_default": [{INPUT: image} for image in images]}, manager)
        quantizer = Quantizer(float32)
        quantizer.load_quantization_recipe(manager.get_quantization_recipe())
        quantized = quantizer.quantize(calibrator.get_model_qsvs()).quantized_model
        return {".tflite": bytes(quantized)}


def _last_linear(deployed: nn.Module) -> str:
    """The name of the last linear layer, which the converter keeps in the names of its tensors."""
    linear = [name for name, layer in deployed.named_modules() if isinstance(layer, nn.Linear)]
    return linear[-1].rpartition(".")[2] if linear else "no such layer"


def _recipes(last: str) -> Any:
    """All layers in int8 but the last, whose weights alone are: its sums would be cut off at the calibrated range."""
    from ai_edge_quantizer.recipe import AlgorithmName, TFLOperationName, recipe_manager

    manager = recipe_manager.RecipeManager()
    for kind in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "MAX_POOL_2D", "RESHAPE", "TRANSPOSE"):
        manager.add_static_config(
            regex=".*",
            operation_name=TFLOperationName[kind],
            activation_num_bits=8,
            weight_num_bits=8,
            algorithm_key=AlgorithmName.MIN_MAX_UNIFORM_QUANT,
        )
    manager.add_dynamic_config(regex=f".*{last}.*", operation_name=TFLOperationName["FULLY_CONNECTED"], num_bits=8)
    return manager


LITERT_INT8 = Format(
    name="litert-int8",
    suffix=".tflite",
    variant="-int8",
    write=litert_int8_from_module,
    tolerance=INT8,
    needs=("litert_torch", "ai_edge_quantizer"),
    baseline="litert",
)
