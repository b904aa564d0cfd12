"""The Open Inference Protocol v2 over HTTP, as Triton speaks it: tensors as JSON, or as bytes after the JSON.

https://github.com/kserve/open-inference-protocol, and Triton's docs/protocol/extension_binary_data.md.
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnistx_runtime.artifact.metadata import INPUT, OUTPUT, Metadata
from mnistx_runtime.errors import BadInput
from mnistx_runtime.serve.http import Reply

JSON_LENGTH = "inference-header-content-length"
"""The header that says how many bytes of a body are JSON; tensors follow."""

VERSION = "1"
"""Of every model: a server has one of each name."""

MOST_NUMBERS = 1 << 16
"""Of an answer in JSON; bytes may hold any number."""

BYTES = "application/octet-stream"

_UINT8, _FP32 = "UINT8", "FP32"

_SHORT = 1024
"""Bytes of JSON that are worth keeping, parsed."""


class Takes(NamedTuple):
    """What a model takes and gives.

    Args:
        name: of the model.
        shape: channels, height and width of an image.
        classes: how many it tells apart.
    """

    name: str
    shape: tuple[int, int, int]
    classes: int


class Asked(NamedTuple):
    """A request for inference.

    Args:
        id: what its sender calls it, to be given back; None where it has no name.
        images: uint8 `(N, channels, height, width)`, N at least 1.
        binary: whether the answer's tensor is given as bytes.
    """

    id: str | None
    images: NDArray[np.uint8]
    binary: bool


class _Head(NamedTuple):
    """What the JSON of a request says: `size` bytes of a tensor follow it, or its numbers are in `data`."""

    id: str | None
    binary: bool
    shape: tuple[int, ...]
    size: int | None
    data: Any = None


def parse_request(body: bytes, json_length: int | None, takes: Takes) -> Asked:
    """What a body asks for.

    Args:
        body: JSON, and bytes of a tensor.
        json_length: how many bytes of it are JSON; None for all.
        takes: what the model does.

    Raises:
        BadInput: it isn't what the protocol says, or not what the model takes.

    >>> tensor = {"name": "image", "datatype": "UINT8", "shape": [1, 1, 1, 2], "data": [0, 255]}
    >>> parse_request(json.dumps({"inputs": [tensor]}).encode(), None, Takes("m", (1, 1, 2), 10)).images.tolist()
    [[[[0, 255]]]]
    """
    end = len(body) if json_length is None else json_length
    if not 0 <= end <= len(body):
        raise BadInput(f"{JSON_LENGTH} says {end} bytes of JSON, in a body of {len(body)}")
    follow = len(body) - end
    head = (_parse_again if follow and end <= _SHORT else _parse_head)(body[:end], takes)
    if head.size is None and follow:
        raise BadInput(f"{follow} bytes follow the JSON, and no input has binary_data_size")
    if head.size is not None and head.size != follow:
        raise BadInput(f"input {INPUT!r}: binary_data_size is {head.size}, {follow} bytes follow the JSON")
    if not head.binary:
        _require_few(head.shape[0] * takes.classes)
    pixels = _pixels(head.data, head.shape) if head.size is None else np.frombuffer(body, np.uint8, offset=end)
    return Asked(head.id, pixels.reshape(head.shape), head.binary)


def _parse_head(text: bytes, takes: Takes) -> _Head:
    try:
        asked = _object(json.loads(text), "the request")
    except (ValueError, RecursionError) as error:
        raise BadInput(f"the request is no JSON: {_reason(error)}") from error
    inputs, request_id = asked.get("inputs"), asked.get("id")
    if not isinstance(inputs, list) or len(inputs) != 1:
        count = len(inputs) if isinstance(inputs, list) else 0
        raise BadInput(f"expected 1 input, got {count}, for model {takes.name!r}")
    if request_id is not None and not isinstance(request_id, str):
        raise BadInput("id must be a text")
    return _Head(request_id, _is_binary(asked, takes.name), *_tensor(_object(inputs[0], "an input"), takes))


_parse_again = lru_cache(256)(_parse_head)
"""Of a client's binary tensors the JSON is mostly the same each time."""


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, json.JSONDecodeError) else "it is nested too deeply, or no text in UTF-8"


def _object(values: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(values, dict):
        raise BadInput(f"{what} must be a JSON object")
    if not isinstance(values.get("parameters", {}), dict):
        raise BadInput(f"parameters of {what} must be a JSON object")
    return values


def _tensor(tensor: Mapping[str, Any], takes: Takes) -> tuple[tuple[int, ...], int | None, Any]:
    """The shape of an input, and how many bytes of it follow the JSON, or its numbers."""
    name, kind, sizes, data = (tensor.get(key) for key in ("name", "datatype", "shape", "data"))
    model = f"model {takes.name!r}"
    if name != INPUT:
        raise BadInput(f"unexpected inference input {name!r:.60} for {model}; it takes {INPUT!r}")
    if kind != _UINT8:
        raise BadInput(f"inference input {INPUT!r} data-type is {kind!r:.60}, but {model} expects {_UINT8!r}")
    whole = isinstance(sizes, list) and all(type(size) is int for size in sizes)
    if not isinstance(sizes, list) or not whole or sizes[1:] != [*takes.shape] or sizes[0] < 1:
        found = f"expected {[-1, *takes.shape]}, got {sizes!r:.100}"
        raise BadInput(f"unexpected shape for input {INPUT!r} for {model}: {found}")
    size = tensor.get("parameters", {}).get("binary_data_size")
    if size is None:
        return tuple(sizes), None, data
    if "data" in tensor:
        raise BadInput(f"input {INPUT!r} has both data and binary_data_size")
    if type(size) is not int or size != prod(sizes):
        raise BadInput(
            f"input {INPUT!r}: binary_data_size is {size!r:.60}, shape {sizes!r:.100} is {prod(sizes)} bytes"
        )
    return tuple(sizes), size, None


def _pixels(data: Any, sizes: tuple[int, ...]) -> NDArray[np.uint8]:
    """Of JSON, flat in row-major order, or nested as the shape is."""
    try:
        found = np.array(data)
    except (ValueError, OverflowError):
        found = np.array(None)
    if found.dtype.kind == "f" and (found == np.trunc(found)).all() and np.isfinite(found).all():
        found = found.clip(-1, 256).astype(np.int64)  # JSON tells no 7.0 from 7
    if found.dtype.kind not in "iu" or not isinstance(data, list):
        raise BadInput(f"data of {INPUT!r} must be whole numbers from 0 to 255, flat or nested as the shape")
    if found.size != prod(sizes) or (found.ndim > 1 and found.shape != sizes):
        raise BadInput(f"data of {INPUT!r} has {found.size} elements, shape {[*sizes]!r:.100} has {prod(sizes)}")
    if found.min() < 0 or found.max() > 255:
        raise BadInput(f"data of {INPUT!r} must be whole numbers from 0 to 255, not {found.min()} to {found.max()}")
    return found.astype(np.uint8)


def _is_binary(asked: Mapping[str, Any], name: str) -> bool:
    """How the output is wanted: as it says itself, else as the request says of all, else as JSON."""
    wanted = asked.get("parameters", {}).get("binary_data_output", False)
    outputs = asked.get("outputs", [])
    if not isinstance(outputs, list) or len(outputs) > 1:
        raise BadInput(f"outputs must be a list of at most 1, as model {name!r} has 1")
    for output in (_object(each, "an output") for each in outputs):
        if output.get("name") != OUTPUT:
            raise BadInput(
                f"unexpected inference output {output.get('name')!r:.60} for model {name!r}; it has {OUTPUT!r}"
            )
        if "classification" in output.get("parameters", {}):
            raise BadInput("classification isn't served; POST /predict answers with names")
        wanted = output.get("parameters", {}).get("binary_data", wanted)
    if type(wanted) is not bool:
        raise BadInput("binary_data and binary_data_output are true or false")
    return wanted


def format_answer(asked: Asked, name: str, rows: NDArray[np.float32]) -> Reply:
    """The answer to a request.

    Args:
        asked: the request.
        name: of the model.
        rows: float32 `(N, classes)`.
    """
    if asked.binary:
        text = _head_text(name, asked.id, rows.shape)
        return Reply(text + rows.astype("<f4", copy=False).tobytes(), BYTES, headers={JSON_LENGTH: str(len(text))})
    return Reply(_answer_text(name, asked.id, rows.shape, {"data": rows.ravel().tolist()}))


def _answer_text(name: str, request_id: str | None, shape: tuple[int, ...], more: Mapping[str, Any]) -> bytes:
    output = {"name": OUTPUT, "datatype": _FP32, "shape": list(shape), **more}
    named = {} if request_id is None else {"id": request_id}
    return json.dumps({"model_name": name, "model_version": VERSION, **named, "outputs": [output]}).encode()


@lru_cache(256)
def _head_text(name: str, request_id: str | None, shape: tuple[int, ...]) -> bytes:
    return _answer_text(name, request_id, shape, {"parameters": {"binary_data_size": 4 * prod(shape)}})


def _require_few(numbers: int) -> None:
    """Whether an answer may be JSON.

    Raises:
        BadInput: it has too many numbers.
    """
    if numbers > MOST_NUMBERS:
        few = f"at most {MOST_NUMBERS:,} numbers, not {numbers:,}"
        raise BadInput(f"an answer in JSON has {few}: ask for binary data, or with fewer images")


def describe_model(name: str, metadata: Metadata, platform: str) -> dict[str, Any]:
    """A model's metadata, as the protocol has them."""
    return {
        "name": name,
        "versions": [VERSION],
        "platform": platform,
        "inputs": [{"name": INPUT, "datatype": _UINT8, "shape": [-1, *metadata.input.shape]}],
        "outputs": [{"name": OUTPUT, "datatype": _FP32, "shape": [-1, len(metadata.names)]}],
    }
