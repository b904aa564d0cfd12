"""What XNNPACK's graph in a .pte file may hold: nodes that compute, values that are there, constants whose bytes are.

Fields are those of ExecuTorch's backends/xnnpack/serialization/runtime_schema.fbs.
"""

import struct
from math import prod
from typing import Any

from mnistx_runtime.artifact.flatbuffer import Fields, FlatBuffer, Union, Values, damaged, require_indices
from mnistx_runtime.artifact.onnx_check import refuse
from mnistx_runtime.artifact.sizes import MOST_BYTES

_BYTES = {1: 4, 2: 2, 3: 1, 4: 1, 5: 4, 6: 1, 7: 4, 8: 0.5, 9: 1, 10: 0.5, 11: 1, 12: 4, 13: 4, 14: 2}
"""Of a number, by its type."""

_NONE = 0xFFFFFFFF  # a value that isn't there: of a layer without bias
_MOST_SIDES = 6  # XNN_MAX_TENSOR_DIMS
_ELSEWHERE = (1 << 64) - 1  # an offset of what lies in another file

_TENSOR: Fields = {
    "type": (0, "h"),
    "sides": (1, "I"),
    "shape": (2, ["I"]),
    "constant": (3, "I"),
    "external": (4, "I"),
    "flags": (5, "I"),
    "id": (6, "I"),
    "dynamic_type": (7, "h"),
}
_SCALES = Union(
    {
        1: ("channels", {"scale": (0, ["f"]), "side": (1, "i"), "buffer": (2, "I"), "scales": (3, "I")}),
        2: ("tensor", {}),
        3: ("token", {"sides": (0, "i")}),
        4: ("groups", {"scale": (0, ["f"]), "side": (1, "i"), "buffer": (4, "I"), "scales": (5, "I")}),
    }
)
_VALUE: Fields = {
    "value": (
        1,
        Union({1: ("tensor", _TENSOR), 2: ("quantized", {"tensor": (0, _TENSOR), "scales": (2, _SCALES)})}),
    )
}


def _takes(*places: int, **vectors: int) -> tuple[str, Any]:
    """A node whose fields at these places are values, and whose vectors are of sides."""
    fields: Any = {f"id{place}": (place, "I") for place in places}
    return "node", fields | {name: (place, ["I"]) for name, place in vectors.items()}


_ONE, _TWO, _POOL = _takes(0, 1), _takes(0, 1, 2), _takes(10, 11)
_SIZES = {
    name: (place, "I") for name, place in {"height": 4, "width": 5, "inputs": 10, "outputs": 11, "groups": 12}.items()
}
_CONV = "node", _takes(15, 16, 17, 18)[1] | _SIZES
_NODES = Union(
    dict.fromkeys((3, 4, 6, 17, 18, 19, 22, 23, 24, 27, 28, 30, 40, 41, 42, 43, 44, 45, 46, 47), _ONE)
    | dict.fromkeys((1, 8, 12, 15, 16, 26, 31, 37), _TWO)
    | dict.fromkeys((7, 13, 39), _CONV)
    | dict.fromkeys((11, 14), _POOL)
    | {
        2: _takes(0, 1, 2, 3),
        5: _takes(2, 3, sides=1),
        9: _takes(2, 3),
        10: _takes(3, 4, sides=0, more_sides=1),
        20: _takes(2, 3, sides=1),
        21: _takes(6, 7, 8),
        25: _takes(1, 2),
        29: _takes(1, 2),
        32: _takes(1, 2, 5),
        33: _takes(1, 2, 3, 5),
        34: _takes(1, 2, 3, 4, 5),
        35: _takes(3, 4, sides=1, more_sides=2),
        36: _takes(0, 1, 2, 3, 4, 5),
        38: _takes(1, 2, 3, 4, 5, 7),
    }
)
_GRAPH: Fields = {
    "nodes": (1, [{"node": (1, _NODES)}]),
    "values": (2, [_VALUE]),
    "externs": (3, "I"),
    "inputs": (4, ["I"]),
    "outputs": (5, ["I"]),
    "buffers": (6, [{"data": (0, ["B"])}]),
    "constants": (8, [{"offset": (0, "Q"), "size": (1, "Q"), "key": (2, "s")}]),
}


def check_xnnpack(blob: memoryview, named: dict[bytes, int], source: str) -> None:
    """Hold a graph to nodes that only compute, and its constants to what is there.

    Args:
        blob: header, graph and constants.
        named: bytes of the constants that the file keeps by name.
        source: how errors name the file.

    Raises:
        ArtifactError: it is damaged, or holds other nodes.
    """
    if bytes(blob[4:8]) != b"XH00" or len(blob) < struct.calcsize("<4x4sHIIIQ"):
        refuse(source, "a graph of XNNPACK's without a header")
    _, _, begin, size, constants, room = struct.unpack_from("<4x4sHIIIQ", blob)
    if begin + size > len(blob) or constants + room > len(blob) or bytes(blob[begin + 4 : begin + 7]) != b"XN0":
        raise damaged(source, "XNNPACK's graph isn't where its header says")
    graph = FlatBuffer(blob[begin : begin + size], source).root(_GRAPH)
    sizes = [len(each["data"] or ()) for each in graph["buffers"] or ()]
    sizes += [_size_of(each, room, named, source) for each in graph["constants"] or ()]
    tensors = [_check_value(each, sizes, source) for each in graph["values"] or ()]
    shapes = {each["id"] or 0: [] if each["shape"] is None else each["shape"].tolist() for each in tensors}
    nodes = [each["node"][1] if each["node"] else {} for each in graph["nodes"] or ()]
    taken = [node[name] or 0 for node in nodes for name in node if name.startswith("id")]
    for ends in (graph["inputs"], graph["outputs"]):
        taken += [] if ends is None else ends.tolist()
    if not shapes.keys() >= {each for each in taken if each != _NONE} or not all(nodes):
        raise damaged(source, "a node of XNNPACK's takes or gives what isn't there")
    external = [each["external"] for each in tensors if each["external"] not in (None, _NONE)]
    require_indices(external, graph["externs"] or 0, source, "value")
    for node in nodes:
        _check_node(node, shapes, source)


def _check_node(node: Values, shapes: dict[int, list[int]], source: str) -> None:
    """Hold what a node says of sizes to what XNNPACK has room for, and reads of its filter."""
    lists = [node[name] for name in ("sides", "more_sides") if node.get(name) is not None]
    if any(len(sides) > _MOST_SIDES for sides in lists):
        raise damaged(source, f"a node of XNNPACK's with more than {_MOST_SIDES} sides")
    if "groups" in node:
        outputs = (node["groups"] or 0) * (node["outputs"] or 0)
        needed = outputs * (node["inputs"] or 0) * (node["height"] or 0) * (node["width"] or 0)
        weights, bias = shapes.get(node["id16"] or 0, [0]), shapes.get(node["id17"] or 0, [outputs])
        if not needed or prod(weights) < needed or prod(bias) < outputs:
            raise damaged(source, f"a convolution that reads {needed:,} numbers of its filter")


def _size_of(constant: Values, room: int, named: dict[bytes, int], source: str) -> int:
    """The bytes of a constant, behind the graph or kept by name."""
    offset, size, key = constant["offset"] or 0, constant["size"] or 0, constant["key"] or b""
    if key:
        if offset != _ELSEWHERE or named.get(key, -1) < size:
            raise damaged(source, f"a constant of {size:,} bytes that isn't there")
        return named[key]
    if offset + size > room:
        raise damaged(source, f"a constant of {size:,} bytes at {offset:,} of {room:,}")
    return size


def _check_value(value: Values, sizes: list[int], source: str) -> Values:
    """Its tensor, if it has as many numbers as it declares."""
    content: Values = value["value"][1] if value["value"] else {}
    tensor: Values | None = content.get("tensor", content)
    if not tensor:
        raise damaged(source, "a value of XNNPACK's that is none")
    shape = [] if tensor["shape"] is None else tensor["shape"].tolist()
    sides, constant = tensor["sides"] or 0, tensor["constant"] or 0
    if (
        sides != len(shape)
        or sides > _MOST_SIDES
        or (tensor["type"] or 0) not in _BYTES
        or (tensor["dynamic_type"] or 0) not in (0, *_BYTES)
    ):
        raise damaged(source, f"a value of XNNPACK's of shape {shape}")
    needed = prod(shape) * _BYTES[tensor["type"]]
    require_indices(constant, max(len(sizes), 1), source, "constant")
    if needed > (sizes[constant] if constant else MOST_BYTES):
        raise damaged(source, f"a value of XNNPACK's of shape {shape} has {sizes[constant] if constant else 0:,} bytes")
    _check_scales(content.get("scales"), shape, sizes, source)
    return tensor


def _check_scales(found: tuple[str, Values] | None, shape: list[int], sizes: list[int], source: str) -> None:
    """Hold scales to what they scale."""
    kind, scales = found or ("tensor", {})
    if kind not in ("channels", "groups"):
        return
    side, buffer, count = scales["side"] or 0, scales["buffer"] or 0, scales["scales"] or 0
    inside = 0 if scales["scale"] is None else len(scales["scale"])
    require_indices(buffer, max(len(sizes), 1), source, "constant")
    there = min(count, sizes[buffer] // (4 if kind == "channels" else 2)) if buffer else inside
    if not 0 <= side < len(shape) or there < shape[side]:
        raise damaged(source, f"{there} scales of a tensor of shape {shape}")
