"""The Open Inference Protocol v2 over HTTP, as Triton speaks it: tensors as JSON, or as bytes after the JSON.

https://github.com/kserve/open-inference-protocol, and Triton's docs/protocol/extension_binary_data.md.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistx_runtime.artifact.metadata import INPUT, OUTPUT, Metadata
from mnistx_runtime.errors import BadInput

JSON_LENGTH = "inference-header-content-length"
"""The header that says how many bytes of a body are JSON; tensors follow."""

VERSION = "1"
"""Of every model: a server has one of each name."""

MOST_NUMBERS = 1 << 16
"""Of an answer in JSON; bytes may hold any number."""

_UINT8, _FP32 = "UINT8", "FP32"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for inference.

    Args:
        id: what its sender calls it, to be given back; None where it has no name.
        images: uint8 `(N, channels, height, width)`, N at least 1.
        binary: whether the answer's tensor is given as bytes.
    """

    id: str | None
    images: NDArray[np.uint8]
    binary: bool


def parse_request(body: bytes, json_length: int | None, name: str, shape: tuple[int, int, int]) -> Asked:
    """What a body asks for.

    Args:
        body: JSON, and bytes of a tensor.
        json_length: how many bytes of it are JSON; None for all.
        name: of the model, for the error's text.
        shape: channels, height and width of what it takes.

    Raises:
        BadInput: it isn't what the protocol says, or not what the model takes.

    >>> tensor = {"name": "image", "datatype": "UINT8", "shape": [1, 1, 1, 2], "data": [0, 255]}
    >>> parse_request(json.dumps({"inputs": [tensor]}).encode(), None, "m", (1, 1, 2)).images.tolist()
    [[[[0, 255]]]]
    """
    end = len(body) if json_length is None else json_length
    if not 0 <= end <= len(body):
        raise BadInput(f"{JSON_LENGTH} says {end} bytes of JSON, in a body of {len(body)}")
    try:
        values = json.loads(body if end == len(body) else body[:end])
    except (ValueError, RecursionError) as error:
        raise BadInput(f"the request is no JSON: {_reason(error)}") from error
    asked = _object(values, "the request")
    inputs = asked.get("inputs")
    if not isinstance(inputs, list) or len(inputs) != 1:
        count = len(inputs) if isinstance(inputs, list) else 0
        raise BadInput(f"expected 1 input, got {count}, for model {name!r}")
    images = _tensor(_object(inputs[0], "an input"), memoryview(body)[end:], name, shape)
    request_id = asked.get("id")
    if request_id is not None and not isinstance(request_id, str):
        raise BadInput("id must be a text")
    return Asked(request_id, images, _is_binary(asked, name))


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, json.JSONDecodeError) else "it is nested too deeply, or no text in UTF-8"


def _object(values: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(values, dict):
        raise BadInput(f"{what} must be a JSON object")
    if not isinstance(values.get("parameters", {}), dict):
        raise BadInput(f"parameters of {what} must be a JSON object")
    return values


def _tensor(tensor: Mapping[str, Any], rest: memoryview, name: str, shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    if tensor.get("name") != INPUT:
        raise BadInput(f"unexpected inference input {tensor.get('name')!r:.60} for model {name!r}; it takes {INPUT!r}")
    if tensor.get("datatype") != _UINT8:
        found = tensor.get("datatype")
        raise BadInput(f"inference input {INPUT!r} data-type is {found!r:.60}, but model {name!r} expects {_UINT8!r}")
    sizes = tensor.get("shape")
    whole = isinstance(sizes, list) and all(type(size) is int for size in sizes)
    if not whole or sizes[1:] != list(shape) or sizes[0] < 1:
        wanted = [-1, *shape]
        raise BadInput(
            f"unexpected shape for input {INPUT!r} for model {name!r}: expected {wanted}, got {sizes!r:.100}"
        )
    size = tensor.get("parameters", {}).get("binary_data_size")
    if size is not None:
        if "data" in tensor:
            raise BadInput(f"input {INPUT!r} has both data and binary_data_size")
        if type(size) is not int or size != prod(sizes) or size != len(rest):
            raise BadInput(
                f"input {INPUT!r}: binary_data_size is {size!r:.60}, {len(rest)} bytes follow the JSON, "
                f"shape {sizes!r:.100} is {prod(sizes)} bytes"
            )
        return np.frombuffer(rest, np.uint8).reshape(sizes)
    if len(rest):
        raise BadInput(f"{len(rest)} bytes follow the JSON, and no input has binary_data_size")
    return _numbers(tensor.get("data"), sizes)


def _numbers(data: Any, sizes: list[int]) -> NDArray[np.uint8]:
    """Of JSON, flat in row-major order, or nested as the shape is."""
    try:
        found = np.array(data)
    except (ValueError, OverflowError):
        found = np.array(None)
    if found.dtype.kind not in "iu" or not isinstance(data, list):
        raise BadInput(f"data of {INPUT!r} must be whole numbers from 0 to 255, flat or nested as the shape")
    if found.size != prod(sizes) or (found.ndim > 1 and found.shape != tuple(sizes)):
        raise BadInput(f"data of {INPUT!r} has {found.size} elements, shape {sizes!r:.100} has {prod(sizes)}")
    if found.min() < 0 or found.max() > 255:
        raise BadInput(f"data of {INPUT!r} must be whole numbers from 0 to 255, not {found.min()} to {found.max()}")
    return found.astype(np.uint8).reshape(sizes)


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


def format_answer(asked: Asked, name: str, rows: NDArray[np.float32]) -> tuple[bytes, dict[str, str]]:
    """The body of an answer, and its headers.

    Args:
        asked: the request.
        name: of the model.
        rows: float32 `(N, classes)`.

    Raises:
        BadInput: it would be a JSON of too many numbers.
    """
    output: dict[str, Any] = {"name": OUTPUT, "datatype": _FP32, "shape": list(rows.shape)}
    data = b""
    if asked.binary:
        data = rows.astype("<f4", copy=False).tobytes()
        output["parameters"] = {"binary_data_size": len(data)}
    else:
        require_few(rows.size)
        output["data"] = rows.ravel().tolist()
    values = {"model_name": name, "model_version": VERSION, "outputs": [output]}
    if asked.id is not None:
        values["id"] = asked.id
    text = json.dumps(values).encode()
    if not asked.binary:
        return text, {"content-type": "application/json"}
    return text + data, {"content-type": "application/octet-stream", JSON_LENGTH: str(len(text))}


def require_few(numbers: int) -> None:
    """Whether an answer may be JSON.

    Raises:
        BadInput: it has too many numbers.
    """
    if numbers > MOST_NUMBERS:
        raise BadInput(
            f"an answer in JSON has at most {MOST_NUMBERS:,} numbers, not {numbers:,}: ask for binary data, or fewer"
        )


def describe_model(name: str, metadata: Metadata, platform: str) -> dict[str, Any]:
    """A model's metadata, as the protocol has them."""
    return {
        "name": name,
        "versions": [VERSION],
        "platform": platform,
        "inputs": [{"name": INPUT, "datatype": _UINT8, "shape": [-1, *metadata.input.shape]}],
        "outputs": [{"name": OUTPUT, "datatype": _FP32, "shape": [-1, len(metadata.names)]}],
    }
