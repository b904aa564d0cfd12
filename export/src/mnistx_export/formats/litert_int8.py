"""LiteRT quantized to int8, weights by channel and activations by tensor; the last layer stays float32."""

from typing import Any

from torch import nn

from mnistx_export.formats import Files, Format, Options, Tolerance
from mnistx_export.formats.litert import flatbuffer
from mnistx_export.formats.onnx_int8 import IMAGES
from mnistx_runtime.artifact.metadata import INPUT
from mnistx_runtime.artifact.seal import appended
from mnistx_runtime.quiet import quiet

LAST = "fc2"


def litert_int8_from_module(module: nn.Module, props: dict[str, str], options: Options) -> Files:
    """One file.

    Args:
        module: from uint8 `(N, 1, 28, 28)` to `(N, classes)`.
        props: what goes into the archive.
        options: the images to calibrate on.
    """
    assert options.training is not None
    images = options.training.training.images[:IMAGES, None, None]
    float32 = flatbuffer(module)
    with quiet():
        from ai_edge_quantizer.calibrator import CalibrationMode, Calibrator
        from ai_edge_quantizer.quantizer import Quantizer
        from ai_edge_quantizer.utils.qsv_utils import min_max_update

        manager = _recipes()
        mode = CalibrationMode.CALIBRATION_PRESERVE_ALL_TENSORS
        calibrator = Calibrator(float32, num_threads=1, mode=mode, qsv_update_func=min_max_update)
        calibrator.calibrate({"serving_default": [{INPUT: image} for image in images]}, manager)
        quantizer = Quantizer(float32)
        quantizer.load_quantization_recipe(manager.get_quantization_recipe())
        quantized = quantizer.quantize(calibrator.get_model_qsvs()).quantized_model
        return {".tflite": appended(bytes(quantized), props)}


def _recipes() -> Any:
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
    manager.add_dynamic_config(regex=f".*{LAST}.*", operation_name=TFLOperationName["FULLY_CONNECTED"], num_bits=8)
    return manager


LITERT_INT8 = Format(
    name="litert-int8",
    suffix=".tflite",
    variant="-int8",
    write=litert_int8_from_module,
    tolerance=Tolerance(atol=2.0, changed=1e-3, own_atol=0.05),
    needs=("litert_torch", "ai_edge_quantizer"),
    beats="litert",
)
