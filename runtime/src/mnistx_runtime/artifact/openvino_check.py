"""What an OpenVINO graph may hold before OpenVINO reads it: layers that compute, one after the other, from numbers that
lie in the file beside it."""

import re
from math import prod
from xml.parsers import expat

from mnistx_runtime.artifact.onnx_check import refuse
from mnistx_runtime.errors import ArtifactError

MOST_LAYERS = 20_000
"""Of a graph; those of torchvision have 3,000."""

_MOST_DEPTH = 12  # of elements in each other; OpenVINO writes 7

_LAYERS = """
    Abs Acos Acosh AdaptiveAvgPool AdaptiveMaxPool Add Asin Asinh Atan Atanh AvgPool BatchNormInference BatchToSpace
    Broadcast Ceiling Clamp Concat Const Convert ConvertLike Convolution ConvolutionBackpropData Cos Cosh CumSum
    DepthToSpace Divide Einsum Elu Equal Erf Exp FakeQuantize Floor FloorMod GRN GRUSequence Gather GatherElements
    GatherND Gelu Greater GreaterEqual GroupConvolution GroupConvolutionBackpropData GroupNormalization HSigmoid HSwish
    HardSigmoid Interpolate LRN LSTMSequence Less LessEqual Log LogSoftmax LogicalAnd LogicalNot LogicalOr LogicalXor
    MVN MatMul MaxPool Maximum Minimum Mish Mod Multiply Negative NonZero NormalizeL2 NotEqual OneHot PRelu PReLU Pad
    Parameter Power RMS RNNSequence Range ReLU ReduceL1 ReduceL2 ReduceLogicalAnd ReduceLogicalOr ReduceMax ReduceMean
    ReduceMin ReduceProd ReduceSum Reshape Result ReverseSequence Roll Round ScaledDotProductAttention
    ScatterElementsUpdate ScatterNDUpdate ScatterUpdate Select Selu ShapeOf ShuffleChannels Sigmoid Sign Sin Sinh Slice
    SoftMax SoftPlus SoftSign SpaceToBatch SpaceToDepth Split Sqrt SquaredDifference Squeeze StridedSlice Subtract Swish
    Tan Tanh Tile TopK Transpose Unsqueeze VariadicSplit
"""
ALLOWED = frozenset(_LAYERS.split())
"""The layers that are run. None of them holds a graph, draws random numbers or handles texts."""

_OPSET = re.compile(r"opset\d+")
_START = b'<?xml version="1.0"?>'


def check_openvino(xml: bytes, weights: int, source: str) -> None:
    """Hold an OpenVINO graph to layers that only compute.

    Args:
        xml: of the graph.
        weights: bytes of the file with its weights.
        source: how errors name it.

    Raises:
        ArtifactError: it holds what no classifier needs, and the text names it; its weights are more than there are; it
            is no graph of OpenVINO's.
    """
    layers = 0
    for element, given in _elements(xml, source):
        if element in ("body", "then_body", "else_body"):
            refuse(source, "a graph inside its graph")
        if element == "layer":
            layers += 1
            if layers > MOST_LAYERS:
                refuse(source, f"more than {MOST_LAYERS:,} layers")
            kind, version = given.get("type", ""), given.get("version", "")
            if kind not in ALLOWED or not _OPSET.fullmatch(version):
                refuse(source, f"the layer {kind} of {version or 'no opset'}")
        if element == "data" and "offset" in given:
            _check_weights(given, weights, source)


def _check_weights(given: dict[str, str], weights: int, source: str) -> None:
    try:
        offset, size = int(given["offset"]), int(given["size"])
        numbers = prod(int(each) for each in given.get("shape", "").split(",") if each)
    except (KeyError, ValueError) as error:
        raise ArtifactError(f"{source} is damaged: its weights have no place") from error
    if offset < 0 or not 0 <= size <= weights - offset or numbers > 8 * size:
        raise ArtifactError(f"{source} is damaged: it declares {size:,} bytes of weights and lacks them")


def require_plain_xml(xml: bytes, source: str) -> None:
    """Refuse XML that two readers may read in two ways, or that grows while it is read.

    Raises:
        ArtifactError: it has a document type, a comment, a section of its own encoding, elements too deep in each
            other, or is no XML.
    """
    for _ in _elements(xml, source):
        pass


def _elements(xml: bytes, source: str) -> list[tuple[str, dict[str, str]]]:
    """Names and attributes of all elements, in their order."""
    found: list[tuple[str, dict[str, str]]] = []
    depth = 0

    def begin(name: str, given: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > _MOST_DEPTH:
            raise ValueError("too deep")
        if name in ("layer", "data") or name.endswith("body"):
            found.append((name, given))

    def end(_: str) -> None:
        nonlocal depth
        depth -= 1

    parser = expat.ParserCreate("utf-8")
    parser.StartElementHandler, parser.EndElementHandler = begin, end
    try:
        xml.decode()  # expat would follow a byte order mark to another encoding
        if b"\0" in xml or b"<!" in xml or xml.count(b"<?") > xml.startswith(_START):
            raise ValueError("more than elements")
        parser.Parse(xml, True)
    except (expat.ExpatError, ValueError) as error:
        raise ArtifactError(f"{source} is not a readable OpenVINO model of mnistx's (foreign or damaged)") from error
    return found
