"""What a .tflite file may hold before LiteRT reads it: operators that compute, and tensors whose bytes are there.

LiteRT trusts offsets, indices and sizes; a wrong one crashes it, or reads what lies beside the file in memory. Numbers
and fields are those of TensorFlow Lite's schema.fbs, version 3.
"""

from math import prod

from mnistx_runtime.artifact.flatbuffer import Fields, FlatBuffer, Union, Values, damaged, require_indices
from mnistx_runtime.artifact.onnx_check import MOST_NODES, refuse
from mnistx_runtime.artifact.sizes import MOST_BYTES

_NAMES = """
    ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE - FLOOR FULLY_CONNECTED -
    L2_NORMALIZATION L2_POOL_2D LOCAL_RESPONSE_NORMALIZATION LOGISTIC - - MAX_POOL_2D MUL RELU RELU_N1_TO_1 RELU6
    RESHAPE RESIZE_BILINEAR - SOFTMAX SPACE_TO_DEPTH - TANH - - - - - PAD - GATHER BATCH_TO_SPACE_ND SPACE_TO_BATCH_ND
    TRANSPOSE MEAN SUB DIV SQUEEZE - STRIDED_SLICE - EXP TOPK_V2 SPLIT LOG_SOFTMAX - - CAST PRELU MAXIMUM ARG_MAX
    MINIMUM LESS NEG PADV2 GREATER GREATER_EQUAL LESS_EQUAL SELECT SLICE SIN TRANSPOSE_CONV - TILE EXPAND_DIMS EQUAL
    NOT_EQUAL LOG SUM SQRT RSQRT SHAPE POW ARG_MIN FAKE_QUANT REDUCE_PROD REDUCE_MAX PACK LOGICAL_OR ONE_HOT LOGICAL_AND
    LOGICAL_NOT UNPACK REDUCE_MIN FLOOR_DIV REDUCE_ANY SQUARE ZEROS_LIKE FILL FLOOR_MOD RANGE RESIZE_NEAREST_NEIGHBOR
    LEAKY_RELU SQUARED_DIFFERENCE MIRROR_PAD ABS SPLIT_V - CEIL - ADD_N GATHER_ND COS - RANK ELU - - QUANTIZE - ROUND
    HARD_SWISH - - - - - SELECT_V2 - - BATCH_MATMUL - CUMSUM - BROADCAST_TO
"""
ALLOWED = {code: name for code, name in enumerate(_NAMES.split()) if name != "-"} | {150: "GELU", 152: "RELU_0_TO_1"}
"""The operators that are run, by their number; converters write them for classifiers. None of them calls another graph,
keeps a state, draws random numbers, or handles texts."""

_BYTES = {0: 4, 1: 2, 2: 4, 3: 1, 4: 8, 6: 1, 7: 2, 9: 1, 10: 8, 15: 4, 16: 2, 17: 0.5, 18: 2}
"""Of a number, by its type; what isn't here is a text, complex, or a resource."""

_RESHAPE, _SQUEEZE = 17, 30  # options that hold a vector; others are looked at as far as their table
_OPTIONS = Union({number: ("options", {}) for number in range(1, 127)})
_OPTIONS[_RESHAPE] = _OPTIONS[_SQUEEZE] = ("options", {"sizes": (0, ["i"])})

_TENSOR: Fields = {
    "shape": (0, ["i"]),
    "type": (1, "b"),
    "buffer": (2, "I"),
    "name": (3, "s"),
    "quantization": (4, {"scale": (2, ["f"]), "zero_point": (3, ["q"]), "details": (4, "B"), "dimension": (6, "i")}),
    "variable": (5, "B"),
    "sparsity": (6, {}),
    "signature": (7, ["i"]),
    "variants": (9, [{}]),
}
_OPERATOR: Fields = {
    "opcode": (0, "I"),
    "inputs": (1, ["i"]),
    "outputs": (2, ["i"]),
    "options": (4, _OPTIONS),
    "custom": (5, ["B"]),
    "intermediates": (8, ["i"]),
    "large_custom": (9, "Q"),
    "more_options": (11, "B"),
}
_GRAPH: Fields = {"tensors": (0, [_TENSOR]), "inputs": (1, ["i"]), "outputs": (2, ["i"]), "operators": (3, [_OPERATOR])}
_MAP: Fields = {"name": (0, "s"), "tensor": (1, "I")}
_SIGNATURE: Fields = {"inputs": (0, [_MAP]), "outputs": (1, [_MAP]), "key": (2, "s"), "graph": (4, "I")}
_MODEL: Fields = {
    "version": (0, "I"),
    "opcodes": (1, [{"old_code": (0, "b"), "custom": (1, "s"), "version": (2, "i"), "code": (3, "i")}]),
    "graphs": (2, [_GRAPH]),
    "buffers": (4, [{"data": (0, ["B"]), "offset": (1, "Q"), "size": (2, "Q")}]),
    "metadata_buffers": (5, ["i"]),
    "metadata": (6, [{"name": (0, "s"), "buffer": (1, "I")}]),
    "signatures": (7, [_SIGNATURE]),
}


def check_tflite(data: bytes, source: str) -> None:
    """Hold a TensorFlow Lite model to operators that only compute, and what it declares to what is there.

    Args:
        data: of the file.
        source: how errors name it.

    Raises:
        ArtifactError: it holds what no classifier needs, and the text names it; or it is damaged.
    """
    if data[4:8] != b"TFL3":
        raise damaged(source, "it is no TensorFlow Lite model")
    model = FlatBuffer(data, source).root(_MODEL)
    operators = [_check_opcode(each, source) for each in model["opcodes"] or ()]
    sizes = [_size_of(each, len(data), source) for each in model["buffers"] or ()]
    graphs = model["graphs"] or []
    if len(graphs) != 1:
        refuse(source, f"{len(graphs)} graphs")
    graph = graphs[0]
    tensors, nodes = graph["tensors"] or (), graph["operators"] or ()
    if len(nodes) > MOST_NODES:
        refuse(source, f"{len(nodes):,} operators, more than {MOST_NODES:,}")
    computed = sum(_check_tensor(each, sizes, source) for each in tensors)
    if computed > MOST_BYTES:
        raise damaged(source, f"its tensors declare {computed:,} bytes")
    for node in nodes:
        require_indices(node["opcode"] or 0, len(operators), source, "operator")
        require_indices(node["inputs"], len(tensors), source, "tensor", least=-1)  # -1: none
        if node["custom"] or node["large_custom"] or node["more_options"]:
            refuse(source, "an operator of its own")
    for each in (graph, *nodes):
        require_indices(each["outputs"], len(tensors), source, "tensor")
        require_indices(each.get("intermediates"), len(tensors), source, "tensor", least=-1)
    require_indices(graph["inputs"], len(tensors), source, "tensor")
    for signature in model["signatures"] or ():
        require_indices(signature["graph"] or 0, 1, source, "graph")
        for each in (*(signature["inputs"] or ()), *(signature["outputs"] or ())):
            require_indices(each["tensor"] or 0, len(tensors), source, "tensor")
    require_indices(model["metadata_buffers"], len(sizes), source, "buffer")
    require_indices([each["buffer"] or 0 for each in model["metadata"] or ()], len(sizes), source, "buffer")


def _check_opcode(opcode: Values, source: str) -> str:
    """The operator that it stands for, if it may be run; new numbers have a field of their own."""
    code = max(opcode["code"] or 0, opcode["old_code"] or 0)
    if code not in ALLOWED or opcode["custom"]:
        own = (opcode["custom"] or b"").decode(errors="replace")
        refuse(source, f"the operator {own or code}")
    return ALLOWED[code]


def _size_of(buffer: Values, whole: int, source: str) -> int:
    """The bytes of a buffer, which lie in it or elsewhere in the file."""
    inside, offset, size = len(buffer["data"] or ()), buffer["offset"] or 0, buffer["size"] or 0
    if offset > 1 and offset + size > whole:  # 1 stands for one that is written later
        raise damaged(source, f"a buffer of {size:,} bytes at {offset:,} of {whole:,}")
    return size if offset > 1 else inside


def _check_tensor(tensor: Values, sizes: list[int], source: str) -> int:
    """The bytes that it takes beside the file: those of a constant lie in the file, all of them."""
    shape = [] if tensor["shape"] is None else tensor["shape"].tolist()
    if (tensor["type"] or 0) not in _BYTES or tensor["sparsity"] is not None or tensor["variants"]:
        refuse(source, "a tensor of texts, or a sparse one")
    if any(side < 0 for side in shape):
        raise damaged(source, f"a tensor of shape {shape}")
    require_indices(tensor["buffer"] or 0, len(sizes), source, "buffer")
    _check_quantization(tensor["quantization"], shape, source)
    needed, there = -(-prod(shape) * _BYTES[tensor["type"] or 0] // 1), sizes[tensor["buffer"] or 0]
    if there and needed != there:
        raise damaged(source, f"a tensor of shape {shape} has {there:,} bytes")
    return 0 if there else int(needed)


def _check_quantization(quantization: Values | None, shape: list[int], source: str) -> None:
    """Hold scales to what they scale: one for all, or one for each of a side."""
    if quantization is None or quantization["scale"] is None:
        return
    scales, zeros, side = len(quantization["scale"]), quantization["zero_point"], quantization["dimension"] or 0
    fits = scales <= 1 or (0 <= side < len(shape) and scales == shape[side])
    if not fits or quantization["details"] or (zeros is not None and len(zeros) not in (0, 1, scales)):
        raise damaged(source, f"{scales} scales of a tensor of shape {shape}")
