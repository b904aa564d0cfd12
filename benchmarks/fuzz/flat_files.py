"""Small .tflite and .pte files, written by the same tables that read them, with whatever somebody changes in them."""

import struct
from collections.abc import Mapping
from typing import Any

from mnistx_runtime.artifact import pte_check, tflite_check, xnnpack_check
from mnistx_runtime.artifact.flatbuffer import Fields, Union


def write(fields: Fields, values: Mapping[str, Any]) -> bytes:
    """A FlatBuffer whose root is this table; of a union, tag and table are given."""
    out = bytearray(4)
    struct.pack_into("<I", out, 0, _table(out, fields, values))
    return bytes(out)


def _table(out: bytearray, fields: Fields, values: Mapping[str, Any]) -> int:
    held: list[tuple[int, Any, Any]] = []
    for name, value in values.items():
        slot, kind = fields[name]
        if isinstance(kind, Union):
            tag, value = value
            held.append((slot - 1, "B", tag))
            kind = kind[tag][1] if tag in kind else {}
        held.append((slot, kind, value))
    count = max((slot + 1 for slot, *_ in held), default=0)
    places = [0] * count
    for at, (slot, *_) in enumerate(held):
        places[slot] = 4 + 8 * at
    inline = 4 + 8 * len(held)
    out += struct.pack(f"<HH{count}H", 4 + 2 * count, inline, *places)
    begin = len(out)
    out += struct.pack("<i", 4 + 2 * count) + bytes(inline - 4)
    for at, (_, kind, value) in enumerate(held):
        _put(out, begin + 4 + 8 * at, kind, value)
    return begin


def _put(out: bytearray, place: int, kind: Any, value: Any) -> None:
    """A value where it belongs: a number itself, anything else behind what is there, and how far away."""
    if isinstance(kind, str) and kind != "s":
        struct.pack_into(f"<{kind}", out, place, value)
        return
    if isinstance(kind, Mapping):
        target = _table(out, kind, value)
    else:
        target, item = len(out), "B" if kind == "s" else kind[0]
        out += struct.pack("<I", len(value))
        if isinstance(item, str) and item != "s":
            out += struct.pack(f"<{len(value)}{item}", *value)
        else:
            first = len(out)
            out += bytes(4 * len(value))
            for at, each in enumerate(value):
                _put(out, first + 4 * at, item, each)
    struct.pack_into("<I", out, place, target - place)


def set_in(values: Any, path: str, value: Any) -> Any:
    """A copy in which what lies at a path such as "graphs.0.inputs" is another."""
    name, _, rest = path.partition(".")
    key: Any = int(name) if name.isdigit() else name
    copied = dict(values) if isinstance(values, Mapping) else list(values)
    inner = copied[key] if rest else None
    copied[key] = set_in(inner, rest, value) if rest else value
    return type(values)(copied)


def tflite(path: str = "", value: Any = None) -> bytes:
    """A layer of 4 pixels and 2 classes for LiteRT, with one thing changed."""
    model: Any = {
        "version": 3,
        "opcodes": [{"old_code": 9, "code": 9, "version": 1}, {"old_code": 22, "code": 22}],
        "graphs": [
            {
                "tensors": [
                    {"shape": [1, 4], "type": 0, "buffer": 0, "name": b"image", "signature": [-1, 4]},
                    {"shape": [2, 4], "buffer": 1, "quantization": {"scale": [1.0, 2.0], "zero_point": [0, 0]}},
                    {"shape": [1, 2], "buffer": 0},
                ],
                "inputs": [0],
                "outputs": [2],
                "operators": [
                    {"opcode": 1, "inputs": [0], "outputs": [0], "options": (17, {"sizes": [1, 4]})},
                    {"opcode": 0, "inputs": [0, 1, -1], "outputs": [2], "options": (8, {})},
                ],
            }
        ],
        "buffers": [{}, {"data": bytes(32)}],
        "metadata": [{"name": b"min_runtime_version", "buffer": 0}],
        "signatures": [{"inputs": [{"tensor": 0}], "outputs": [{"tensor": 2}], "key": b"serving_default"}],
    }
    data = write(tflite_check._MODEL, set_in(model, path, value) if path else model)
    return _with_identifier(data, b"TFL3")


def _with_identifier(data: bytes, identifier: bytes, header: bytes = b"") -> bytes:
    """The same with what stands between the first offset and the tables."""
    more = identifier + header
    return struct.pack("<I", struct.unpack_from("<I", data)[0] + len(more)) + more + data[4:]


def xnnpack(path: str = "", value: Any = None, room: int = 64) -> bytes:
    """A convolution for XNNPACK, with one thing changed, and so many bytes of constants behind it."""

    def tensor(number: int, shape: list[int], **more: int) -> dict[str, Any]:
        return {"type": 1, "sides": len(shape), "shape": shape, "id": number, "external": 0xFFFFFFFF} | more

    convolution = {"height": 1, "width": 1, "inputs": 2, "outputs": 4, "groups": 1}
    convolution |= {"id15": 0, "id16": 1, "id17": 0xFFFFFFFF, "id18": 2}
    graph: Any = {
        "nodes": [{"node": (7, convolution)}, {"node": (20, {"sides": [4], "id2": 2, "id3": 3})}],
        "values": [
            {"value": (1, tensor(0, [1, 3, 3, 2], external=0))},
            {"value": (2, {"tensor": tensor(1, [4, 1, 1, 2], constant=1), "scales": (1, {"scale": [1.0] * 4})})},
            {"value": (1, tensor(2, [1, 3, 3, 4]))},
            {"value": (1, tensor(3, [36], external=1))},
        ],
        "externs": 2,
        "inputs": [0],
        "outputs": [3],
        "constants": [{}, {"offset": 16, "size": 32}],
    }
    data = write(xnnpack_check._GRAPH, set_in(graph, path, value) if path else graph)
    data = _with_identifier(data, b"XN01")
    return struct.pack("<4x4sHIIIQ2x", b"XH00", 30, 32, len(data), 32 + len(data), room) + data + bytes(room)


def pte(path: str = "", value: Any = None, blob: bytes = b"", header: Mapping[str, int] | None = None) -> bytes:
    """A program for ExecuTorch that calls a kernel and a delegate, with one thing changed."""
    steps = [{"step": (2, {"values": [0, 1]})}, {"step": (1, {"index": 0, "values": [1, 2]})}]
    image = {"type": 6, "shape": [1, 4], "order": [0, 1], "place": {"memory": 1, "low": 0}}
    blob = blob or xnnpack()
    program: Any = {
        "plans": [
            {
                "name": b"forward",
                "values": [
                    {"value": (5, image)},
                    {"value": (5, image | {"place": {"memory": 1, "low": 16}})},
                    {"value": (5, {"type": 6, "shape": [2], "order": [0], "data": 1})},
                    {"value": (10, {"items": [0, 1]})},
                    {"value": (7, {"values": [0, 2]})},
                    {"value": (1, {})},
                ],
                "inputs": [0],
                "outputs": [1],
                "chains": [{"steps": steps}],
                "kernels": [{"name": b"aten::_log_softmax", "overload": b"out"}],
                "delegates": [{"id": b"XnnpackBackend", "blob": {"where": 1, "index": 0}, "settings": []}],
                "memories": [0, 32],
            }
        ],
        "segments": [{"offset": 0, "size": len(blob)}, {"offset": len(blob), "size": 24}],
        "constants": {"segment": 1, "offsets": [0, 16]},
    }
    data = write(pte_check._PROGRAM, set_in(program, path, value) if path else program)
    kept = blob + bytes(24)
    found = {"size": len(data) + 36, "begin": len(data) + 36, "room": len(kept)} | dict(header or {})
    extended = struct.pack("<4sIQQQ", b"eh00", 32, *found.values())
    return _with_identifier(data, b"ET12", extended) + kept
