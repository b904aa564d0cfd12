"""Takes an .onnx file apart with the standard library alone: no onnx, no protobuf.

The field numbers are those of onnx.proto3: ModelProto.graph = 7, ModelProto.metadata_props = 14,
GraphProto.initializer = 5, TensorProto {dims = 1, data_type = 2, name = 8, raw_data = 9, external_data = 13,
data_location = 14}, StringStringEntryProto {key = 1, value = 2}.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistx_runtime.artifact.sizes import require_metadata_size
from mnistx_runtime.errors import ArtifactError

TYPES = {1: "<f4", 3: "i1", 6: "<i4", 10: "<f2"}  # TensorProto.DataType: FLOAT, INT8, INT32, FLOAT16

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_GRAPH, _PROPS, _INITIALIZER = 7, 14, 5
_EXTERNAL = (13, 14)

_HOLDING_TENSORS = {
    "model": {7: "graph", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
"""The fields of each message through which a tensor can be reached, and the messages in them."""


def read_parts(data: bytes, source: str) -> dict[str, bytes]:
    """The parts of `read_pieces`, each in one piece."""
    return {name: b"".join(pieces) for name, pieces in read_pieces(data, source).items()}


def read_pieces(data: bytes, source: str) -> dict[str, list[memoryview | bytes]]:
    """All of a model but its metadata, in two parts whose bytes are all that ONNX Runtime reads; no weight is copied.

    Args:
        data: of the file.
        source: how errors name it.

    Returns:
        "weights", the initializers as they are serialized, one after the other; and "graph", the model without them and
        without `metadata_props`, the rest of its bytes as they are. Protobuf merges a second graph into the first: all
        of it counts as "graph", so that two files of the same parts have the same fields.

    Raises:
        ArtifactError: the bytes are no ONNX model, are cut off, or weights lie in another file.
    """
    check_self_contained(data, source)
    graph, weights, stripped = list[memoryview | bytes](), list[memoryview | bytes](), None
    for field, _, content, whole in read_fields(data, source):
        if field == _PROPS:
            continue
        if field != _GRAPH or stripped is not None:
            graph.append(whole)
            continue
        stripped = list[memoryview | bytes]()
        for inner, _, _, message in read_fields(content, source):
            (weights if inner == _INITIALIZER else stripped).append(message)
        graph.append(_message(_GRAPH, b"".join(stripped)))
    return {"graph": graph, "weights": weights}


def check_self_contained(data: bytes, source: str) -> None:
    """Refuse a model with tensors in another file, which no digest of this one covers. ONNX Runtime would look for it
    in the folder that it happens to run in.

    Raises:
        ArtifactError: one of its tensors does, or the bytes are no ONNX model.
    """
    for name in external_files(data, source):
        raise ArtifactError(
            f"{source} can't be used as it is: its weights lie in another file, {name!r}, and mnistx takes "
            "self-contained models: `mnistx seal` takes them in, and torch.onnx.export(..., external_data=False) "
            "writes one file"
        )


def external_files(data: bytes, source: str) -> Iterator[str]:
    """The names of the files in which tensors of a model lie, as it gives them, once for each tensor.

    Raises:
        ArtifactError: the bytes are no ONNX model.
    """
    waiting = [("model", memoryview(data))]
    while waiting:
        kind, message = waiting.pop()
        inner = _HOLDING_TENSORS[kind]
        entries, external = [], False
        for field, number, content, _ in read_fields(message, source):
            if field in inner:
                waiting.append((inner[field], content))
            elif kind == "tensor" and field in _EXTERNAL and (number or len(content)):
                external = True
                entries.append(content)
        if external:
            yield _location(entries, source)


def _location(entries: list[memoryview], source: str) -> str:
    """The one named "location" among a tensor's entries of external data."""
    for entry in entries:
        texts = {field: bytes(text) for field, _, text, _ in read_fields(entry, source)}
        if texts.get(1) == b"location":
            return texts.get(2, b"").decode(errors="replace")
    return ""


def read_props(data: bytes, source: str) -> dict[str, str]:
    """The model's `metadata_props`.

    Raises:
        ArtifactError: the bytes are no ONNX model, or are cut off.
    """
    props: dict[str, str] = {}
    size = 0
    for field, _, content, _ in read_fields(data, source):
        if field == _PROPS:
            size += len(content)
            require_metadata_size(size, source)
            try:
                entry = {number: bytes(text).decode() for number, _, text, _ in read_fields(content, source)}
                props[entry[1]] = entry.get(2, "")
            except (UnicodeDecodeError, KeyError) as error:
                raise ArtifactError(f"{source} carries metadata that is no text") from error
    return props


def write_props(data: bytes, props: Mapping[str, str], source: str = "the model") -> bytes:
    """The same model with these `metadata_props` and no others.

    >>> read_props(write_props(write_props(b"", {"a": "1"}), {"b": "2"}), "m.onnx")
    {'b': '2'}
    """
    kept = b"".join(bytes(whole) for field, _, _, whole in read_fields(data, source) if field != _PROPS)
    entries = (_message(1, name.encode()) + _message(2, value.encode()) for name, value in props.items())
    return kept + b"".join(_message(_PROPS, entry) for entry in entries)


def read_weights(data: bytes, source: str) -> dict[str, NDArray[Any]]:
    """The parameters of a model: those initializers whose name has a dot in it, as a PyTorch parameter's has.

    Raises:
        ArtifactError: the bytes are no ONNX model, or are cut off.
    """
    weights: dict[str, NDArray[Any]] = {}
    for field, _, content, _ in read_fields(data, source):
        for inner, _, message, _ in read_fields(content, source) if field == _GRAPH else ():
            if inner == _INITIALIZER:
                name, kind, raw, dims = _guard_tensor(message, source)
                if kind in TYPES and "." in name:
                    weights[name] = raw.view(TYPES[kind]).reshape(dims)
    return weights


def read_fields(message: bytes | memoryview, source: str) -> Iterator[tuple[int, int, memoryview, memoryview]]:
    """The fields of a protobuf message in order: number; value of a varint; content of what has a length; all bytes.

    Raises:
        ArtifactError: the bytes are no message, or are cut off.
    """
    try:
        yield from _fields(memoryview(message))
    except (ValueError, IndexError, KeyError) as error:
        raise ArtifactError(f"{source} is not a readable ONNX model (damaged or cut off)") from error


def read_varints(packed: memoryview, source: str) -> Iterator[int]:
    """The whole numbers of a packed field.

    Raises:
        ArtifactError: the bytes are no such numbers.
    """
    try:
        yield from _varints(packed)
    except (ValueError, IndexError, KeyError) as error:
        raise ArtifactError(f"{source} is not a readable ONNX model (damaged or cut off)") from error


def _guard_tensor(message: memoryview, source: str) -> tuple[str, int, NDArray[np.uint8], list[int]]:
    try:
        return _tensor(message)
    except (ValueError, IndexError, KeyError) as error:
        raise ArtifactError(f"{source} is not a readable ONNX model (damaged or cut off)") from error


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("a number of more than 64 bits")


def _varints(packed: memoryview) -> Iterator[int]:
    at = 0
    while at < len(packed):
        value, at = _varint(packed, at)
        yield value


def _message(field: int, content: bytes) -> bytes:
    """A length-delimited field."""
    return _varint_bytes(field << 3 | _BYTES) + _varint_bytes(len(content)) + content


def _varint_bytes(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def _fields(data: memoryview) -> Iterator[tuple[int, int, memoryview, memoryview]]:
    """Field number, number (varint fields), content (length-delimited fields), and all bytes, of one message."""
    at, end = 0, len(data)
    while at < end:
        start = at
        key, at = data[at], at + 1
        if key > 0x7F:
            key, at = _varint(data, start)
            if key >> 32:
                raise ValueError("a field number of more than 29 bits, of which protobuf would keep the lower ones")
        kind, number, size = key & 7, 0, 0
        if kind == _BYTES:
            size, at = data[at], at + 1
            if size > 0x7F:
                size, at = _varint(data, at - 1)
        elif kind == _VARINT:
            number, at = _varint(data, at)
        elif kind in (_FIXED64, _FIXED32):
            size = 8 if kind == _FIXED64 else 4
        else:
            raise ValueError(f"wire type {kind}")
        if at + size > end:
            raise ValueError("cut off")
        yield key >> 3, number, data[at : at + size], data[start : at + size]
        at += size


def _tensor(data: memoryview) -> tuple[str, int, NDArray[np.uint8], list[int]]:
    name, kind, raw, dims = "", 0, np.empty(0, np.uint8), list[int]()
    for field, number, content, whole in _fields(data):
        if field == 1 and whole[0] & 7 == _BYTES:
            dims += _varints(content)
        elif field == 1 and whole[0] & 7 == _VARINT:
            dims.append(number)
        elif field == 2:
            kind = number
        elif field == 8:
            name = bytes(content).decode()
        elif field == 9:
            raw = np.frombuffer(content, np.uint8)
    return name, kind, raw, dims
