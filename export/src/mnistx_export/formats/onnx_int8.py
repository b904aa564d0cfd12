"""ONNX quantized to int8, weights by channel and activations by tensor, as QuantizeLinear and DequantizeLinear pairs.

The last layer's sums stay float32: rounded to 8 bits, they would cost more predictions than all the rest.

Weights take 7 of their 8 bits, -64 to 64. An x86 processor without VNNI multiplies 8-bit numbers in pairs and cuts
their sum off at 16 bits (VPMADDUBSW): with 8-bit weights, what loses nothing where it was made misreads 2 digits in 100
on such a device. 255 x 64 x 2 fits in 16 bits, so 7 bits give the same answers on all processors.
"""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from mnistx_export.formats.base import INT8, Conversion, Format, require_calibration
from mnistx_export.formats.onnx import PREFIX, check_opset, clean, onnx_bytes, onnx_model, required_runtime
from mnistx_export.rounding import round_layers
from mnistx_runtime.artifact.container import Files
from mnistx_runtime.artifact.metadata import INPUT
from mnistx_runtime.backends import chunk_of
from mnistx_runtime.system.quiet import quiet
from mnistx_train.evaluation.inference import count_flops

IMAGES = 5000  # ranges widen until there; with 1,000 images the largest difference was twice as large
OPERATORS = ("Conv", "Gemm", "MaxPool", "Relu")
ALL_OPERATORS = (
    *OPERATORS,
    "Add",
    "AveragePool",
    "Clip",
    "Concat",
    "Flatten",
    "Gelu",
    "GlobalAveragePool",
    "HardSigmoid",
    "HardSwish",
    "LeakyRelu",
    "Mul",
    "ReduceMax",
    "ReduceMean",
    "Reshape",
    "Sigmoid",
    "Split",
    "Tanh",
    "Transpose",
)
LEAST_IMAGES = 64
OPERATIONS = 5e10  # of all calibration images together: larger networks are calibrated on fewer of them
ROUNDING_OPERATIONS = 2e12  # of all layers on all images; where it takes more, weights get the nearest numbers
BATCH = 50
LIMIT = 64  # the largest of 7 bits' whole numbers, either way


class CalibrationReader(CalibrationDataReader):  # type: ignore[misc]
    """Training images as the quantizer asks for them."""

    def __init__(self, images: NDArray[np.uint8]) -> None:
        """Keep images `(N, channels, height, width)`."""
        self._batches: Iterator[Any] = ({INPUT: batch} for batch in _batches(images))

    def get_next(self) -> Any:
        """The next batch, or None after the last."""
        return next(self._batches, None)


def calibration_images(conversion: Conversion) -> NDArray[np.uint8]:
    """As many of the calibration images as the network's size allows.

    Raises:
        BadInput: there are none.
    """
    images = require_calibration(conversion.calibration)
    affordable = int(OPERATIONS // max(1, count_flops(conversion.deployed.module, conversion.spec)))
    return images[: min(IMAGES, max(LEAST_IMAGES, affordable))]


def onnx_int8_from_module(conversion: Conversion) -> Files:
    """One file."""
    return {".onnx": onnx_bytes(quantized_model(conversion, OPERATORS))}


def quantized_model(conversion: Conversion, operators: Sequence[str]) -> onnx.ModelProto:
    """An ONNX model quantized to int8, which C is made of too.

    Args:
        conversion: what is quantized.
        operators: ONNX' names of those whose results become 8 bits.
    """
    images = calibration_images(conversion)
    with tempfile.TemporaryDirectory() as folder, quiet():
        path = Path(folder) / "int8.onnx"
        quantize_static(
            onnx_model(conversion),
            path,
            CalibrationReader(images),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            reduce_range=True,
            op_types_to_quantize=list(operators),
            extra_options={"OpTypesToExcludeOutputQuantization": ["Gemm"]},
        )
        model = onnx.load(path)
    _round_weights(model, conversion, images)
    _fold_normalization(model)
    for tensor in model.graph.initializer:
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor), tensor.name))
    clean(model)
    return model


def _batches(images: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    size = chunk_of(images.shape[1:], BATCH)
    return (images[at : at + size] for at in range(0, len(images), size))


def _round_weights(model: onnx.ModelProto, conversion: Conversion, images: NDArray[np.uint8]) -> None:
    """Round the weights anew, on the same grid: four fifths of the error of the nearest numbers of 8 bits.

    Only where all weights are in the file as they are in the module, not fused with what follows them; and not those of
    several groups.
    """
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    module = conversion.deployed.module
    weights = {n: v.detach() for n, v in module.named_parameters() if v.ndim > 1 and f"{n}_quantized" in tensors}
    scales = {name: torch.tensor(numpy_helper.to_array(tensors[f"{name}_scale"])) for name in weights}
    operations = count_flops(module, conversion.spec) * len(images) * len(weights)
    if operations > ROUNDING_OPERATIONS or not all(
        _is_rounded(numpy_helper.to_array(tensors[f"{name}_quantized"]), values, scales[name])
        for name, values in weights.items()
    ):
        return
    batches = [torch.from_numpy(batch) for batch in _batches(images)]
    prefixed = {f"{PREFIX}{name}": scale for name, scale in scales.items()}
    for name, multiples in round_layers(conversion.deployed, batches, prefixed, LIMIT).items():
        tensor = tensors[f"{name.removeprefix(PREFIX)}_quantized"]
        tensor.CopyFrom(numpy_helper.from_array(multiples.numpy(), tensor.name))


def _is_rounded(multiples: NDArray[Any], values: torch.Tensor, scale: torch.Tensor) -> bool:
    """Whether these are the values, each as the nearest multiple of its scale, as far as 7 bits reach."""
    if multiples.shape != tuple(values.shape) or scale.shape != values.shape[:1]:
        return False  # or one scale for all, as a matrix product has
    wanted = (values / scale.view(-1, *[1] * (values.ndim - 1))).clamp(-LIMIT, LIMIT)
    return float((torch.from_numpy(multiples.astype(np.float32)) - wanted).abs().max()) <= 1


def _fold_normalization(model: onnx.ModelProto) -> None:
    """Take the pixels as the quantized numbers that they become anyway: a fifth of the time of a single image.

    Normalized pixels lie on a grid of 1 / (255 std), which is the scale that their range gives; so quantizing gives
    each pixel back, and the scale and zero point of the DequantizeLinear after it hold mean and standard deviation.
    Where that isn't so, as no training image was black or white, all stays as it is.
    """
    graph = model.graph
    first = next((node for node in graph.node if node.op_type == "QuantizeLinear"), None)
    if first is None:
        return
    at = list(graph.node).index(first)
    steps = [node for node in graph.node[: at + 1] if node.op_type != "DequantizeLinear"]
    if not {node.op_type for node in steps} <= {"Cast", "Div", "Sub", "QuantizeLinear"}:
        return
    after = next(node for node in graph.node if first.output[0] in node.input)
    pixels = np.arange(256, dtype=np.uint8)
    if not np.array_equal(_answers(model, steps, pixels), pixels):
        return
    after.input[0] = INPUT
    for node in steps:
        graph.node.remove(node)
    used = {name for node in graph.node for name in node.input}
    for tensor in [tensor for tensor in graph.initializer if tensor.name not in used]:
        graph.initializer.remove(tensor)


def _answers(model: onnx.ModelProto, steps: list[onnx.NodeProto], pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What the nodes from the input to the first QuantizeLinear make of pixels."""
    from onnx.reference import ReferenceEvaluator

    image = onnx.helper.make_tensor_value_info(INPUT, onnx.TensorProto.UINT8, [None])
    last = onnx.helper.make_tensor_value_info(steps[-1].output[0], onnx.TensorProto.UINT8, [None])
    graph = onnx.helper.make_graph(steps, "pixels", [image], [last], model.graph.initializer)
    part = onnx.helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)
    (found,) = ReferenceEvaluator(part).run(None, {INPUT: pixels})
    return np.asarray(found)


ONNX_INT8 = Format(
    name="onnx-int8",
    suffix=".onnx",
    variant="-int8",
    write=onnx_int8_from_module,
    check_opset=check_opset,
    requires=required_runtime,
    tolerance=INT8,
    baseline="onnx",
)
