"""What an .onnx file may hold before ONNX Runtime loads it, which does whatever a file asks for.

A loop can run for ever, functions that call each other grow exponentially when they are put in place, and a sparse
tensor of a few bytes takes all the memory when it is unpacked. A classifier of images needs none of these: it is a row
of operators that compute. How much memory they take is limited while they run, see `backends.ort`; where constants
alone could grow, ONNX Runtime must not compute them while it loads, where nothing limits them.

The field numbers are those of onnx.proto3.
"""

from collections.abc import Iterator
from math import prod

from mnistx_runtime.artifact.onnx_file import check_self_contained, read_fields, read_varints
from mnistx_runtime.artifact.sizes import require_metadata_size
from mnistx_runtime.errors import ArtifactError

MOST_NODES = 10_000
"""Of a graph; torchvision's deepest classifiers have 1,500."""

_DOMAINS = {
    "": """
        Abs Acos Acosh Add AffineGrid And ArgMax ArgMin Asin Asinh Atan Atanh Attention AveragePool BatchNormalization
        BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor Cast CastLike Ceil Celu CenterCropPad Clip Col2Im Concat
        Constant ConstantOfShape Conv ConvInteger ConvTranspose Cos Cosh CumSum DepthToSpace DequantizeLinear Div
        Dropout DynamicQuantizeLinear Einsum Elu Equal Erf Exp Expand EyeLike Flatten Floor GRU Gather GatherElements
        GatherND Gelu Gemm GlobalAveragePool GlobalLpPool GlobalMaxPool Greater GreaterOrEqual GridSample
        GroupNormalization HardSigmoid HardSwish Hardmax Identity InstanceNormalization IsInf IsNaN LRN LSTM
        LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax LpNormalization LpPool MatMul MatMulInteger Max
        MaxPool Mean MeanVarianceNormalization Min Mish Mod Mul Neg NonZero Not OneHot Or PRelu Pad Pow QLinearConv
        QLinearMatMul QuantizeLinear RMSNormalization RNN Range Reciprocal ReduceL1 ReduceL2 ReduceLogSum
        ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape Resize
        RotaryEmbedding Round ScatterElements ScatterND Selu Shape Shrink Sigmoid Sign Sin Sinh Size Slice Softmax
        Softplus Softsign SpaceToDepth Split Sqrt Squeeze Sub Sum SwiGLU Swish Tan Tanh ThresholdedRelu Tile TopK
        Transpose Trilu Unsqueeze Upsample Where Xor
        """,
    "ai.onnx.ml": "Binarizer LinearClassifier LinearRegressor Normalizer SVMClassifier SVMRegressor Scaler",
    "com.microsoft": """
        BiasGelu DequantizeLinear DynamicQuantizeMatMul FastGelu FusedConv FusedGemm FusedMatMul Gelu
        MatMulIntegerToFloat QGemm QLinearAdd QLinearAveragePool QLinearConcat QLinearConv QLinearGlobalAveragePool
        QLinearLeakyRelu QLinearMul QLinearReduceMean QLinearSigmoid QLinearSoftmax QLinearWhere QuantizeLinear
        QuickGelu SkipLayerNormalization
        """,
}
ALLOWED = {domain: frozenset(names.split()) for domain, names in _DOMAINS.items()}
"""The operators that are run, by domain: those of feed-forward and recurrent classifiers. None of them holds a graph,
draws random numbers, or handles texts, sequences or trees."""

_KEEPING_SIZE = {
    *("Cast", "CastLike", "Constant", "DequantizeLinear", "Flatten", "Identity", "QuantizeLinear", "Reshape", "Shape"),
    *("Size", "Squeeze", "Transpose", "Unsqueeze"),
}
"""Operators that give at most as many numbers as they take."""

_FUNCTIONS, _TRAINING, _METADATA = 25, 20, 14  # of a ModelProto
_SPARSE = 15  # of a GraphProto
_TENSORS, _GRAPHS, _SPARSE_TENSORS = (5, 10), (6, 11), (22, 23)  # of an AttributeProto
_TEXT = 8  # a TensorProto.DataType
_VARINT, _LENGTH = 0, 2  # types of fields: a number, and what has a length


def check_onnx(data: bytes, source: str) -> bool:
    """Hold an ONNX model to operators that only compute, and what it declares to what is there.

    Args:
        data: of the file.
        source: how errors name it.

    Returns:
        Whether ONNX Runtime may compute while it loads what depends on constants alone, as that isn't more than the
        file holds.

    Raises:
        ArtifactError: it holds what no classifier needs, and the text names it; its weights lie in another file; it is
            no ONNX model.
    """
    graphs, metadata = list[memoryview](), 0
    for field, content in _contents(data, source):
        if field == 7:
            graphs.append(content)
        elif field == _FUNCTIONS:
            refuse(source, "functions of its own")
        elif field == _TRAINING:
            refuse(source, "a training step")
        elif field == _METADATA:
            metadata += len(content)
    require_metadata_size(metadata, source)
    sizes: dict[str, int] = {}  # bytes of constants, by name
    known: set[str] = set()
    nodes: list[memoryview] = []
    for field, content in (each for graph in graphs for each in _contents(graph, source)):
        if field == 1:
            nodes.append(content)
        elif field == 5:
            sizes[_check_tensor(content, data, source)] = len(content)
        elif field == 11:
            known.update(_text(text) for inner, text in _contents(content, source) if inner == 1)
        elif field == _SPARSE:
            refuse(source, "sparse weights")
    if len(nodes) > MOST_NODES:
        refuse(source, f"{len(nodes):,} operators, more than {MOST_NODES:,}")
    return _is_foldable(nodes, known, sizes, data, source)


def _is_foldable(nodes: list[memoryview], known: set[str], sizes: dict[str, int], data: bytes, source: str) -> bool:
    """Check every node; whether what depends on constants alone is no more than the file holds, see `check_onnx`.

    Args:
        nodes: of the graph.
        known: its inputs; the nodes' outputs are added.
        sizes: of its constants; likewise.
        data: of the file.
        source: how errors name it.
    """
    foldable, folded = True, 0
    for node in nodes:
        operator, inputs, outputs, size = _check_node(node, data, source)
        given = [name for name in inputs if name]
        constant = operator in ("Shape", "Size") or all(name in sizes for name in given)
        if constant:
            size += sum(sizes.get(name, 0) for name in given if operator not in ("Shape", "Size"))
            sizes.update(dict.fromkeys(outputs, size))
            folded += size
        in_order = all(name in sizes or name in known for name in given)
        foldable = foldable and in_order and (not constant or operator in _KEEPING_SIZE)
        known.update(outputs)
    return foldable and folded <= 2 * len(data)


def _check_node(node: memoryview, data: bytes, source: str) -> tuple[str, list[str], list[str], int]:
    """Its operator, inputs and outputs, and the bytes of the tensors in it, if it may be run."""
    inputs, outputs, operator, domain = list[str](), list[str](), "", ""
    attributes = list[memoryview]()
    for field, content in _contents(node, source):
        if field == 1:
            inputs.append(_text(content))
        elif field == 2:
            outputs.append(_text(content))
        elif field == 4:
            operator = _text(content)
        elif field == 7:
            domain = _text(content)
        elif field == 5:
            attributes.append(content)
    domain = "" if domain == "ai.onnx" else domain
    if operator not in ALLOWED.get(domain, ()):
        _refuse_operator(domain, operator, source)
    return operator, inputs, outputs, sum(_check_attribute(each, data, source) for each in attributes)


def _refuse_operator(domain: str, operator: str, source: str) -> None:
    from mnistx_runtime.artifact.onnx_graph import DOMAINS

    named = f"{domain}:{operator}" if domain else operator
    if domain not in DOMAINS:
        raise ArtifactError(
            f"{source} can't be run: its operator {named} is a custom one, which ONNX Runtime doesn't have"
        )
    refuse(source, f"the operator {named}")


def _check_attribute(attribute: memoryview, data: bytes, source: str) -> int:
    """The bytes of the tensors in it, if there is nothing else."""
    size, fields = 0, set[int]()
    for field, content in _contents(attribute, source):
        if field in _GRAPHS:
            refuse(source, "a graph inside its graph")
        if field in _SPARSE_TENSORS:
            refuse(source, "a sparse tensor")
        if field in _TENSORS:
            if field in fields and field == _TENSORS[0]:
                refuse(source, "two tensors in the place of one")
            _check_tensor(content, data, source)
            size += len(content)
        fields.add(field)
    return size


def _check_tensor(tensor: memoryview, data: bytes, source: str) -> str:
    """Its name, if it is numbers, in this file, and as many as it declares: at most two of them in a byte."""
    name, dims = "", list[int]()
    for field, number, content, whole in read_fields(tensor, source):
        has_length = whole[0] & 7 == _LENGTH
        if field == 1 and has_length:
            dims += read_varints(content, source)
        elif field == 1 and whole[0] & 7 == _VARINT:
            dims.append(number)
        elif field == 2 and number & 0xFFFFFFFF == _TEXT:
            refuse(source, "texts")
        elif field == 8 and has_length:
            name = _text(content)
        elif field in (13, 14) and (number or len(content)):
            check_self_contained(data, source)
    if prod(dims) > 2 * len(tensor):
        raise ArtifactError(f"{source} is damaged: it declares {' x '.join(map(str, dims))} numbers and lacks them")
    return name


def _contents(message: bytes | memoryview, source: str) -> Iterator[tuple[int, memoryview]]:
    """The fields that have a length, as all have that are looked at here: protobuf passes over one of another type."""
    return ((field, content) for field, _, content, whole in read_fields(message, source) if whole[0] & 7 == _LENGTH)


def _text(content: memoryview) -> str:
    return bytes(content).decode(errors="replace")


def refuse(source: str, what: str) -> None:
    """Say what a model of no classifier holds, and how it is run all the same.

    Raises:
        ArtifactError: always.
    """
    raise ArtifactError(
        f"{source} holds {what}, which mnistx doesn't run unasked; if you trust whoever made it, --allow-foreign runs "
        "it, in Python allow_foreign=True"
    )
