import json
from typing import Any

import numpy as np
import pytest

from mnistx_runtime.errors import BadInput
from mnistx_runtime.serve.protocol import MOST_NUMBERS, Asked, Takes, format_answer, parse_request

TAKES = Takes("m", (1, 2, 3), 10)
PIXELS = [0, 255, 3, 4, 5, 6]


def request(**changes: Any) -> dict[str, Any]:
    tensor = {"name": "image", "datatype": "UINT8", "shape": [1, 1, 2, 3], "data": PIXELS}
    kept = {name: value for name, value in (tensor | changes).items() if value is not None}
    return {"inputs": [kept]}


def parse(values: Any, rest: bytes = b"", length: int | None = None) -> Asked:
    text = json.dumps(values).encode()
    return parse_request(text + rest, len(text) if rest and length is None else length, TAKES)


@pytest.mark.parametrize(
    "data", [PIXELS, [float(each) for each in PIXELS], [[PIXELS[:3], PIXELS[3:]]], [[[PIXELS[:3], PIXELS[3:]]]]]
)
def test_numbers_may_be_flat_or_nested_as_the_shape(data: Any) -> None:
    if np.ndim(data) in (1, 4):
        assert parse(request(data=data)).images.ravel().tolist() == PIXELS
    else:
        with pytest.raises(BadInput):
            parse(request(data=data))


def test_bytes_after_the_json_are_the_tensor() -> None:
    binary = request(data=None, shape=[2, 1, 2, 3], parameters={"binary_data_size": 12})
    asked = parse(binary | {"id": "7", "parameters": {"binary_data_output": True}}, bytes(PIXELS * 2))
    assert asked.images.shape == (2, 1, 2, 3) and asked.images[1].ravel().tolist() == PIXELS
    assert asked.id == "7" and asked.binary
    assert parse(binary, bytes(12)).images.max() == 0  # of the same JSON, other bytes


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"name": "input"}, "unexpected inference input 'input'"),
        ({"datatype": "FP32"}, "data-type is 'FP32', but model 'm' expects 'UINT8'"),
        ({"shape": [1, 2, 3]}, r"expected \[-1, 1, 2, 3\], got \[1, 2, 3\]"),
        ({"shape": [0, 1, 2, 3]}, "unexpected shape"),
        ({"shape": [True, 1, 2, 3]}, "unexpected shape"),
        ({"shape": [2, 1, 2, 3]}, "has 6 elements, shape"),
        ({"data": [0.5] * 6}, "must be whole numbers"),
        ({"data": [float("inf"), *[0.0] * 5]}, "must be whole numbers"),
        ({"data": [256.0, *[0.0] * 5]}, "from 0 to 255"),
        ({"data": [True] * 6}, "must be whole numbers"),
        ({"data": [256, 0, 0, 0, 0, 0]}, "from 0 to 255, not 0 to 256"),
        ({"data": [10**400, 0, 0, 0, 0, 0]}, "must be whole numbers"),
        ({"data": [[1, 2], [3]]}, "must be whole numbers"),
        ({"data": "AAAAAA"}, "must be whole numbers"),
        ({"data": None}, "must be whole numbers"),
        ({"parameters": []}, "must be a JSON object"),
        ({"parameters": {"binary_data_size": 6}}, "both data and binary_data_size"),
        ({"data": None, "parameters": {"binary_data_size": 5}}, "binary_data_size is 5"),
        ({"data": None, "parameters": {"binary_data_size": 6}}, "0 bytes follow the JSON"),
    ],
)
def test_a_tensor_that_is_not_the_models_is_told(changes: dict[str, Any], text: str) -> None:
    with pytest.raises(BadInput, match=text):
        parse(request(**changes))


@pytest.mark.parametrize(
    "values",
    [[], 3, None, {}, {"inputs": []}, {"inputs": [1]}, request() | {"id": 5}, request() | {"outputs": [{"name": "x"}]},
     request() | {"outputs": {}}, request() | {"parameters": {"binary_data_output": "yes"}},
     request() | {"outputs": [{"name": "log_probs", "parameters": {"classification": 2}}]}],
)  # fmt: skip
def test_a_request_that_is_none_is_told(values: Any) -> None:
    with pytest.raises(BadInput):
        parse(values)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b'{"inputs": ' + b"9" * 5000 + b"}"])
def test_what_is_no_json_is_told(body: bytes) -> None:
    with pytest.raises(BadInput):
        parse_request(body, None, TAKES)


def test_the_length_of_the_json_is_held_to_the_body() -> None:
    with pytest.raises(BadInput, match="says 9999 bytes"):
        parse(request(), length=9999)
    with pytest.raises(BadInput, match="bytes follow the JSON, and no input has"):
        parse(request(), b"more")


def test_an_answer_is_json_or_bytes_with_the_id_it_came_with() -> None:
    rows = np.arange(20, dtype=np.float32).reshape(2, 10)
    plain = format_answer(Asked("a", np.zeros((2, 1, 2, 3), np.uint8), False), "m", rows)
    values = json.loads(plain.body)
    assert values["id"] == "a" and values["outputs"][0]["data"] == list(range(20)) and plain.media == "application/json"
    binary = format_answer(Asked(None, np.zeros((2, 1, 2, 3), np.uint8), True), "m", rows)
    length = int(binary.headers["inference-header-content-length"])
    assert np.frombuffer(binary.body[length:], "<f4").tolist() == list(range(20))
    assert json.loads(binary.body[:length])["outputs"][0]["parameters"] == {"binary_data_size": 80}


def test_a_json_of_too_many_numbers_is_refused_before_it_is_computed() -> None:
    many = MOST_NUMBERS // 10 + 1
    values = request(data=None, shape=[many, 1, 2, 3], parameters={"binary_data_size": 6 * many})
    with pytest.raises(BadInput, match="ask for binary data"):
        parse(values, bytes(6 * many))
    assert parse(values | {"parameters": {"binary_data_output": True}}, bytes(6 * many)).binary
