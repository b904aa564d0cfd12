"""Reads metadata and weights out of an .onnx file with the standard library and numpy: no onnx, no protobuf.

The field numbers are those of onnx.proto3: ModelProto.graph = 7, ModelProto.metadata_props = 14,
GraphProto.initializer = 5, TensorProto {dims = 1, data_type = 2, name = 8, raw_data = 9,
data_location = 14 (1: external)},
StringStringEntryProto {key = 1, value = 2}.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistx_runtime.errors import ArtifactError

TYPES = {1: "<f4", 3: "i1", 6: "<i4", 10: "<f2"}  # TensorProto.DataType: FLOAT, INT8, INT32, FLOAT16

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _fields(data: memoryview) -> Iterator[tuple[int, int, memoryview]]:
    """Field number, number (varint fields) and content (length-delimited fields) of one message."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        kind = key & 7
        if kind == _VARINT:
            value, at = _varint(data, at)
            yield key >> 3, value, data[:0]
            continue
        if kind == _BYTES:
            size, at = _varint(data, at)
        elif kind in (_FIXED64, _FIXED32):
            size = 8 if kind == _FIXED64 else 4
        else:
            raise ValueError(f"wire type {kind}")
        if at + size > len(data):
            raise ValueError("cut off")
        yield key >> 3, 0, data[at : at + size]
        at += size


def _tensor(data: memoryview) -> tuple[str, int, NDArray[np.uint8], list[int]]:
    name, kind, raw, dims = "", 0, np.empty(0, np.uint8), []
    for field, number, content in _fields(data):
        if field == 1 and len(content):  # dims, packed
            at = 0
            while at < len(content):
                dim, at = _varint(content, at)
                dims.append(dim)
        elif field == 1:
            dims.append(number)
        elif field == 2:
            kind = number
        elif field == 8:
            name = bytes(content).decode()
        elif field == 9:
            raw = np.frombuffer(content, np.uint8)
        elif field == 14 and number == 1:
            raise ArtifactError("its weights lie in another file; mnistx takes self-contained models")
    return name, kind, raw, dims


def props_and_weights(data: bytes, source: str) -> tuple[dict[str, str], dict[str, NDArray[Any]]]:
    """The metadata properties and the parameters of a serialized ONNX model.

    Args:
        data: the file's bytes.
        source: how errors name it.

    Returns:
        The model's `metadata_props`, and those initializers whose name has a dot in it, as a PyTorch parameter's has
        ("conv1.weight", "conv1.weight_scale"); constants of the graph have none.

    Raises:
        ArtifactError: the bytes are no ONNX model, or are cut off.
    """
    props: dict[str, str] = {}
    weights: dict[str, NDArray[Any]] = {}
    try:
        for field, _, content in _fields(memoryview(data)):
            if field == 14:
                entry = {number: bytes(text).decode() for number, _, text in _fields(content)}
                props[entry[1]] = entry.get(2, "")
            elif field == 7:
                for inner, _, message in _fields(content):
                    if inner == 5:
                        name, kind, raw, dims = _tensor(message)
                        if kind in TYPES and "." in name:
                            weights[name] = raw.view(TYPES[kind]).reshape(dims)
    except ArtifactError as error:
        raise ArtifactError(f"{source} can't be used: {error}") from error
    except (ValueError, IndexError, KeyError) as error:
        raise ArtifactError(f"{source} is not a readable ONNX model (damaged or cut off)") from error
    return props, weights
