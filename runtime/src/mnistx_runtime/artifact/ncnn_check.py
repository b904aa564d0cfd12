"""What an ncnn graph may hold before ncnn reads it: layers that compute, as many as it declares, and no more weights
than lie beside it. ncnn checks next to nothing, and crashes."""

import re

from mnistx_runtime.artifact.onnx_check import refuse
from mnistx_runtime.errors import ArtifactError

MOST_LAYERS = 10_000

_WEIGHTS = {
    "Convolution": 6, "ConvolutionDepthWise": 6, "Deconvolution": 6, "DeconvolutionDepthWise": 6, "InnerProduct": 2,
    "BatchNorm": 0, "PReLU": 0, "Scale": 0, "LayerNorm": 0, "MultiHeadAttention": 2,
    "GRU": 1, "LSTM": 1, "RNN": 1,
}  # fmt: skip
"""Layers with weights, and which of their parameters says how many numbers."""

_OTHERS = """
    AbsVal BinaryOp CELU Cast Clip Concat Crop Dropout ELU Exp Flatten GELU GLU Gemm GroupNorm HardSigmoid HardSwish
    Input InstanceNorm LRN Log MatMul MemoryData Mish Noop Normalize Packing Padding Permute PixelShuffle Pooling Power
    RMSNorm ReLU Reduction Reorg Reshape SELU SDPA Shrink ShuffleChannel Sigmoid Slice Softmax Softplus Split Squeeze
    Swish TanH Threshold UnaryOp ExpandDims
"""
ALLOWED = frozenset(_WEIGHTS) | frozenset(_OTHERS.split())
"""The layers that are run; ncnn's converter writes them for classifiers."""

_MAGIC = "7767517"
_EXPRESSION = re.compile(r'"[\w,()+*/-]{1,200}"')
_MOST_BLOBS = 20_000
_MOST = 1 << 24  # of a size, a pad, a stride
_END = (1 << 31) - 1  # "to the end" of a slice, "none"


def check_ncnn(param: bytes, weights: int, source: str) -> None:
    """Hold an ncnn graph to layers that only compute, and its declarations to what is there.

    Args:
        param: the text of the graph.
        weights: bytes of the file with its weights.
        source: how errors name it.

    Raises:
        ArtifactError: it holds what no classifier needs, and the text names it; or it is damaged.

    >>> check_ncnn(b"7767517\\n2 2\\nInput in0 0 1 in0\\nReLU r 1 1 in0 out0\\n", 0, "m.param")
    """
    try:
        magic, counts, *lines = (line.split() for line in param.decode("ascii").splitlines() if line.strip())
        layers, blobs = map(int, counts)
    except ValueError as error:
        raise _damaged(source, "it is no graph of ncnn's") from error
    if magic != [_MAGIC] or layers != len(lines) or not 0 < blobs <= _MOST_BLOBS or layers > MOST_LAYERS:
        raise _damaged(source, f"it declares {layers} layers and {blobs} blobs, and has {len(lines)} layers")
    made: set[str] = set()
    declared = 0
    for line in lines:
        declared += _check_layer(line, made, source)
    if len(made) != blobs:
        raise _damaged(source, f"it declares {blobs} blobs and makes {len(made)}")
    if declared > weights:  # a byte each at least, in int8
        raise _damaged(source, f"it declares {declared:,} weights, and {weights:,} bytes of them are there")


def _check_layer(line: list[str], made: set[str], source: str) -> int:
    """The weights that a layer declares, if it may be run.

    Args:
        line: its kind, name, numbers of inputs and outputs, their names, and its parameters.
        made: the blobs that the layers before it give; its own are added.
        source: how errors name the graph.
    """
    try:
        kind, _, *counts = line[:4]
        inputs, outputs = map(int, counts)
        given, gives = line[4 : 4 + inputs], line[4 + inputs : 4 + inputs + outputs]
        parameters = dict(each.split("=", 1) for each in line[4 + inputs + outputs :])
        numbers = {name: _numbers(values) for name, values in parameters.items()}
    except ValueError as error:
        raise _damaged(source, f"the layer {' '.join(line)[:60]!r}") from error
    if kind not in ALLOWED:
        refuse(source, f"the layer {kind}")
    fits = inputs >= 0 and outputs > 0 and (len(given), len(gives)) == (inputs, outputs)
    if not fits or not made.issuperset(given) or not made.isdisjoint(gives) or len(set(gives)) != outputs:
        raise _damaged(source, f"the layer {' '.join(line)[:60]!r} takes or gives what isn't there")
    wrong = next((n for values in numbers.values() for n in values if abs(n) > _MOST and abs(n) < _END), None)
    if wrong is not None:
        raise _damaged(source, f"the layer {' '.join(line)[:60]!r} has a size of {wrong}")
    made.update(gives)
    counted = numbers.get(str(_WEIGHTS[kind]), [0]) if kind in _WEIGHTS else [0]
    if kind == "MemoryData":
        counted = [_product(numbers)]
    if min(counted) < 0:
        raise _damaged(source, f"the layer {' '.join(line)[:60]!r} has fewer than no weights")
    return sum(counted)


def _numbers(values: str) -> list[int]:
    """The whole numbers of a parameter: one, or several after how many they are; those with a point are none, nor is
    an expression of sizes, such as "0w,1h".
    """
    if _EXPRESSION.fullmatch(values):
        return []
    return [int(each) for each in values.split(",") if "." not in each and "e" not in each]


def _product(numbers: dict[str, list[int]]) -> int:
    """How many numbers a constant has: its width, height, depth and channels, of which 0 means none."""
    found = 1
    for name in ("0", "1", "11", "2"):
        for each in numbers.get(name, []):
            found *= each or 1
    return found


def _damaged(source: str, what: str) -> ArtifactError:
    return ArtifactError(f"{source} is damaged: {what}")
