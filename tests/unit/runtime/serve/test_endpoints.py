"""A client that nobody here wrote: Triton's own, with its defaults and without."""

import json
from collections.abc import Iterator

import numpy as np
import pytest
import tritonclient.http as triton
from numpy.typing import NDArray
from tritonclient.utils import InferenceServerException

from mnistx_runtime import Predictor
from server_process import Server

MODEL = "mnist-cnn"


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[triton.InferenceServerClient]:
    with triton.InferenceServerClient(f"127.0.0.1:{server.port}") as connected:
        yield connected


@pytest.fixture(scope="module")
def images() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (64, 1, 28, 28)).astype(np.uint8)


@pytest.fixture(scope="module")
def expected(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    return Predictor(threads=1).log_probs(images)


def tensor(images: NDArray[np.uint8], binary: bool = True) -> triton.InferInput:
    found = triton.InferInput("image", list(images.shape), "UINT8")
    found.set_data_from_numpy(images, binary_data=binary)
    return found


def test_health_and_metadata_are_as_triton_says_them(client: triton.InferenceServerClient) -> None:
    assert client.is_server_live() and client.is_server_ready() and client.is_model_ready(MODEL)
    assert client.is_model_ready(MODEL, "1") and not client.is_model_ready("other")
    assert client.get_server_metadata()["extensions"] == ["binary_tensor_data"]
    metadata = client.get_model_metadata(MODEL)
    assert metadata == client.get_model_metadata(MODEL, "1") and metadata["platform"] == "onnxruntime_onnx"
    assert metadata["inputs"] == [{"name": "image", "datatype": "UINT8", "shape": [-1, 1, 28, 28]}]
    assert metadata["outputs"] == [{"name": "log_probs", "datatype": "FP32", "shape": [-1, 10]}]


@pytest.mark.parametrize("count", [1, 64])
@pytest.mark.parametrize("binary_in", [True, False])
@pytest.mark.parametrize("binary_out", [None, True, False])
def test_answers_are_the_models(
    count: int,
    binary_in: bool,
    binary_out: bool | None,
    client: triton.InferenceServerClient,
    images: NDArray[np.uint8],
    expected: NDArray[np.float32],
) -> None:
    outputs = None if binary_out is None else [triton.InferRequestedOutput("log_probs", binary_data=binary_out)]
    found = client.infer(MODEL, [tensor(images[:count], binary_in)], outputs=outputs, request_id="7")
    assert np.abs(found.as_numpy("log_probs") - expected[:count]).max() < 1e-4
    response = found.get_response()
    assert (response["id"], response["model_name"], response["model_version"]) == ("7", MODEL, "1")


def test_errors_are_told_in_tritons_form(client: triton.InferenceServerClient, images: NDArray[np.uint8]) -> None:
    other = triton.InferInput("image", [1, 1, 28, 28], "FP32")
    other.set_data_from_numpy(images[:1].astype(np.float32))
    cases = (
        ("nothing", "", tensor(images[:1]), "Request for unknown model: 'nothing' is not found", "404"),
        (MODEL, "2", tensor(images[:1]), "version '2' is not found", "404"),
        (MODEL, "", tensor(images[:, :, :14]), "expected [-1, 1, 28, 28], got [64, 1, 14, 28]", "400"),
        (MODEL, "", other, "data-type is 'FP32', but model 'mnist-cnn' expects 'UINT8'", "400"),
    )
    for model, version, given, text, status in cases:
        with pytest.raises(InferenceServerException) as caught:
            client.infer(model, [given], model_version=version)
        assert text in caught.value.message() and caught.value.status() == status
    with pytest.raises(InferenceServerException, match="isn't read"):
        client.infer(MODEL, [tensor(images[:1])], request_compression_algorithm="gzip")


def test_many_at_once_are_answered_each_its_own(
    server: Server, images: NDArray[np.uint8], expected: NDArray[np.float32]
) -> None:
    with triton.InferenceServerClient(f"127.0.0.1:{server.port}", concurrency=16) as client:
        asked = [client.async_infer(MODEL, [tensor(images[at : at + 1])]) for at in range(64)]
        for at, each in enumerate(asked):
            assert np.abs(each.get_result().as_numpy("log_probs") - expected[at]).max() < 1e-4


def test_a_large_json_is_parsed_elsewhere_and_answered_alike(
    server: Server, expected: NDArray[np.float32], images: NDArray[np.uint8]
) -> None:
    from mnistx_runtime.serve.endpoints import INLINE

    data = {"name": "image", "datatype": "UINT8", "shape": [64, 1, 28, 28], "data": images.tolist()}
    body = json.dumps({"inputs": [data]}).encode()
    assert len(body) > INLINE
    answer = server.post(f"/v2/models/{MODEL}/infer", body)
    found = np.array(answer.json()["outputs"][0]["data"], np.float32).reshape(64, 10)
    assert np.abs(found - expected).max() < 1e-4
    data["data"] = [*images.tolist(), [300]]
    assert server.post(f"/v2/models/{MODEL}/infer", json.dumps({"inputs": [data]}).encode()).status == 400


def test_a_body_that_is_too_large_is_refused_before_it_is_sent(server: Server) -> None:
    answer = server.post("/predict", bytes(5 << 20))
    assert answer.status == 413 and "at most 4,194,304" in answer.json()["error"]


def test_the_pages_and_numbers_are_there(server: Server) -> None:
    assert server.get("/favicon.ico").headers["content-type"] == "image/svg+xml"
    assert b"mnist-cnn" in server.get("/").body and b"POST /predict" in server.get("/docs").body
    assert server.get("/openapi.json").json()["openapi"].startswith("3.1")
    assert b'mnistx_request_seconds_count{endpoint="page",status="200"}' in server.get("/metrics").body


def test_every_request_is_a_line_of_the_log(server: Server) -> None:
    server.get("/v2/models/none-of-this-name")
    line = server.line("/v2/models/none-of-this-name")
    assert line["status"] == 404 and line["client"] == "127.0.0.1" and "unknown model" in line["error"]
