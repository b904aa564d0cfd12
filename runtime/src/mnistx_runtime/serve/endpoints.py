"""The addresses: what each takes from HTTP and gives back to it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial, wraps
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from mnistx_runtime import __version__
from mnistx_runtime.errors import MnistxError
from mnistx_runtime.json_text import json_text
from mnistx_runtime.serve import protocol
from mnistx_runtime.serve.batching import Batcher
from mnistx_runtime.serve.decoders import Decoders
from mnistx_runtime.serve.http_error import HttpError, status_of
from mnistx_runtime.serve.limits import Admission, Limits
from mnistx_runtime.serve.metrics import CONTENT_TYPE, Metrics
from mnistx_runtime.serve.models import ServedModel
from mnistx_runtime.serve.openapi import describe_service
from mnistx_runtime.serve.page import docs_page, start_page
from mnistx_runtime.serve.pictures import Reader, parse_options
from mnistx_runtime.serve.upload import Upload

_Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]

INLINE = 1 << 16
"""Bytes of JSON that are parsed at once, in a millisecond; more goes to a process, and holds up nobody else."""


@dataclass
class Service:
    """What the endpoints share.

    Attributes:
        models: by name, the first one first.
        is_draining: whether the server is about to end.
        page: an HTML page to show at `/`; None for a plain one.
    """

    models: Mapping[str, ServedModel]
    limits: Limits
    admission: Admission
    batcher: Batcher
    decoders: Decoders
    metrics: Metrics
    page: bytes | None = None
    is_draining: bool = False

    @property
    def is_ready(self) -> bool:
        """Whether every model answers, and the server goes on."""
        return not self.is_draining and not any(model.failure for model in self.models.values())

    def model(self, request: Request) -> ServedModel:
        """The model that an address names.

        Raises:
            HttpError: 404, there's none of this name, or none of this version.
        """
        name, version = request.path_params["model"], request.path_params.get("version", protocol.VERSION)
        found = self.models.get(name)
        if found is None:
            raise HttpError(404, f"Request for unknown model: {name!r:.200} is not found")
        if version != protocol.VERSION:
            raise HttpError(404, f"Request for unknown model: {name!r:.200} version {version!r:.60} is not found")
        return found

    async def compute(self, model: ServedModel, client: str, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The bare output of a model, which isn't ready any more once it fails."""
        try:
            return await self.batcher.run(model.name, client, images)
        except MnistxError as error:
            model.failure = str(error)
            raise


def application(service: Service) -> Starlette:
    """The ASGI application that answers."""

    def route(path: str, endpoint: Callable[[Service, Request], Awaitable[Response]], *methods: str) -> Route:
        return Route(path, _answering(partial(endpoint, service), endpoint.__name__), methods=list(methods or ("GET",)))

    one, of_version = "/v2/models/{model}", "/v2/models/{model}/versions/{version}"
    routes = [
        route(f"{one}/infer", infer, "POST"),
        route("/predict", predict, "POST"),
        route("/v2/health/live", live),
        route("/v2/health/ready", ready),
        route("/v2", server_metadata),
        route(f"{of_version}/infer", infer, "POST"),
        *(route(f"{path}/ready", model_ready) for path in (one, of_version)),
        *(route(path, model_metadata) for path in (one, of_version)),
        route("/metrics", metrics),
        route("/openapi.json", openapi),
        route("/docs", docs),
        route("/", page),
    ]
    return Starlette(routes=routes, exception_handlers={HTTPException: _http_exception})


def _answering(endpoint: _Endpoint, name: str) -> _Endpoint:
    """An endpoint whose errors are answers."""

    @wraps(endpoint)
    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except HttpError as error:
            request.scope["state"]["error"] = error.text
            return json_response(dict(error.values) | {"error": error.text}, error.status, error.headers)
        except MnistxError as error:
            request.scope["state"]["error"] = str(error)
            return json_response({"error": str(error)}, status_of(error))

    answer.__name__ = name
    return answer


async def _http_exception(_request: Request, error: Exception) -> Response:
    """What Starlette refuses: an address or a method that isn't there."""
    assert isinstance(error, HTTPException)
    return json_response({"error": error.detail}, error.status_code, error.headers)


def json_response(values: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Values as JSON."""
    return Response(json_text(values).encode(), status, headers, "application/json")


async def live(_service: Service, _request: Request) -> Response:
    """Whether the server runs."""
    return json_response({"live": True})


async def ready(service: Service, _request: Request) -> Response:
    """Whether the server takes requests; 400, as Triton says it, where it soon doesn't."""
    return json_response({"ready": service.is_ready}, 200 if service.is_ready else 400)


async def server_metadata(_service: Service, _request: Request) -> Response:
    """What the server is."""
    return json_response({"name": "mnistx", "version": __version__, "extensions": ["binary_tensor_data"]})


async def model_metadata(service: Service, request: Request) -> Response:
    """What a model takes and gives."""
    model = service.model(request)
    return json_response(protocol.describe_model(model.name, model.predictor.metadata, model.platform))


async def model_ready(service: Service, request: Request) -> Response:
    """Whether a model answers."""
    model = service.model(request)
    is_ready = not service.is_draining and not model.failure
    return json_response({"name": model.name, "ready": is_ready}, 200 if is_ready else 400)


async def infer(service: Service, request: Request) -> Response:
    """The bare output of a model."""
    model = service.model(request)
    client = client_of(request)
    with _admitted(service, request, client) as size:
        body = await _read_body(request, size, service.limits.seconds)
        length = _json_length(request)
        shape = model.predictor.metadata.input.shape
        if (len(body) if length is None else length) <= INLINE:
            asked = protocol.parse_request(body, length, model.name, shape)
        else:
            asked = await service.decoders.run(client, protocol.parse_request, body, length, model.name, shape)
        if not asked.binary:
            protocol.require_few(len(asked.images) * len(model.predictor.metadata.names))
        request.scope["state"].update(model=model.name, images=len(asked.images))
        rows = await service.compute(model, client, asked.images)
        data, headers = protocol.format_answer(asked, model.name, rows)
        return Response(data, headers=headers)


async def predict(service: Service, request: Request) -> Response:
    """What a picture shows."""
    query = dict(request.query_params)
    name = query.pop("model", next(iter(service.models)))
    model = service.models.get(name)
    if model is None:
        raise HttpError(404, f"Request for unknown model: {name!r:.200} is not found")
    options = parse_options(query)
    client = client_of(request)
    with _admitted(service, request, client) as size:
        body = await _read_body(request, size, service.limits.seconds)
        upload = Upload(body, request.headers.get("content-type", ""))
        request.scope["state"].update(model=model.name)
        reader = Reader(model.predictor, model.key, service.decoders, partial(service.compute, model))
        answer = await reader.answer(client, upload, options)
    return Response(answer, media_type="image/png") if isinstance(answer, bytes) else json_response(answer)


async def metrics(service: Service, _request: Request) -> Response:
    """Numbers for Prometheus."""
    return Response(service.metrics.text(), headers={"content-type": CONTENT_TYPE})


async def openapi(service: Service, _request: Request) -> Response:
    """The description of all addresses."""
    return json_response(describe_service(service.models, service.limits))


async def docs(service: Service, _request: Request) -> Response:
    """The same, for a person."""
    return HTMLResponse(docs_page(describe_service(service.models, service.limits)))


async def page(service: Service, _request: Request) -> Response:
    """The page of the web format, or a plain one."""
    return HTMLResponse(service.page or start_page(service.models))


def client_of(request: Request) -> str:
    """Who asks: the address, as the proxy says it where that is trusted."""
    client = request.scope.get("client")
    return client[0] if client else ""


@contextmanager
def _admitted(service: Service, request: Request, client: str) -> Any:
    """While this lasts, the request is one of those that are accepted; how large its body may be."""
    headers = request.headers
    encoding = headers.get("content-encoding", "identity")
    if encoding != "identity":
        raise HttpError(415, f"content-encoding {encoding!r:.60} isn't read; send the body as it is")
    size = int(headers["content-length"]) if "content-length" in headers else service.limits.body
    service.admission.enter(client, size)
    try:
        yield size
    finally:
        service.admission.leave(client, size)


async def _read_body(request: Request, size: int, seconds: float) -> bytes:
    """All of a body, of at most `size` bytes, within some seconds."""
    parts, got = [], 0
    try:
        async with asyncio.timeout(seconds):
            while True:
                message = await request.receive()
                if message["type"] == "http.disconnect":
                    raise HttpError(400, "the connection ended before the body did")
                part = message.get("body", b"")
                got += len(part)
                if got > size:
                    raise HttpError(413, f"the body has more than {size:,} bytes")
                parts.append(part)
                if not message.get("more_body", False):
                    return parts[0] if len(parts) == 1 else b"".join(parts)
    except TimeoutError:
        raise HttpError(408, f"the body didn't arrive within {seconds:g} s") from None


def _json_length(request: Request) -> int | None:
    text = request.headers.get(protocol.JSON_LENGTH)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 12):
        raise HttpError(400, f"{protocol.JSON_LENGTH} must be a number of bytes, not {text!r:.60}")
    return int(text)
