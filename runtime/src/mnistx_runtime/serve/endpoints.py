"""The addresses: what each takes from HTTP and gives back to it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from starlette.datastructures import QueryParams
from starlette.routing import Route

from mnistx_runtime import __version__
from mnistx_runtime.errors import MnistxError
from mnistx_runtime.postprocess import Postprocess
from mnistx_runtime.serve import protocol
from mnistx_runtime.serve.app import Address
from mnistx_runtime.serve.batching import Batcher
from mnistx_runtime.serve.decoders import Decoders
from mnistx_runtime.serve.http import Reply, Request, json_reply
from mnistx_runtime.serve.http_error import HttpError
from mnistx_runtime.serve.limits import Admission, Limits
from mnistx_runtime.serve.metrics import CONTENT_TYPE, Metrics
from mnistx_runtime.serve.models import ServedModel
from mnistx_runtime.serve.openapi import describe_service
from mnistx_runtime.serve.page import ICON, docs_page, start_page
from mnistx_runtime.serve.pictures import Reader, parse_options
from mnistx_runtime.serve.upload import Upload

INLINE = 1 << 16
"""Bytes of JSON that are parsed at once, in a millisecond; more goes to a process, and holds up nobody else."""


HTML = "text/html; charset=utf-8"


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

    def model(self, name: str, version: str = protocol.VERSION) -> ServedModel:
        """The model of a name.

        Raises:
            HttpError: 404, there's none of this name, or none of this version.
        """
        found = self.models.get(name)
        if found is None:
            raise HttpError(404, f"Request for unknown model: {name!r:.200} is not found")
        if version != protocol.VERSION:
            raise HttpError(404, f"Request for unknown model: {name!r:.200} version {version!r:.60} is not found")
        return found

    async def compute(self, model: ServedModel, client: str, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The bare output of a model, which isn't ready after it failed, until it answers again."""
        try:
            rows = await self.batcher.run(model.name, client, images)
        except MnistxError as error:
            model.failure = str(error)
            raise
        model.failure = ""
        return rows


def addresses(service: Service) -> list[Address]:
    """All that is answered, by address."""

    def at(path: str, endpoint: Callable[[Service, Request], Awaitable[Reply]], method: str = "GET") -> Address:
        return Address(Route(path, partial(endpoint, service)), method, endpoint.__name__, partial(endpoint, service))

    one, of_version = "/v2/models/{model}", "/v2/models/{model}/versions/{version}"
    return [
        at(f"{one}/infer", infer, "POST"),
        at("/predict", predict, "POST"),
        at("/v2/health/live", live),
        at("/v2/health/ready", ready),
        at("/v2", server_metadata),
        at(f"{of_version}/infer", infer, "POST"),
        *(at(f"{path}/ready", model_ready) for path in (one, of_version)),
        *(at(path, model_metadata) for path in (one, of_version)),
        at("/metrics", metrics),
        at("/openapi.json", openapi),
        at("/docs", docs),
        at("/", page),
        at("/favicon.ico", icon),
    ]


async def live(_service: Service, _request: Request) -> Reply:
    """Whether the server runs."""
    return json_reply({"live": True})


async def ready(service: Service, _request: Request) -> Reply:
    """Whether the server takes requests; 400, as Triton says it, where it soon doesn't."""
    return json_reply({"ready": service.is_ready}, 200 if service.is_ready else 400)


async def server_metadata(_service: Service, _request: Request) -> Reply:
    """What the server is."""
    return json_reply({"name": "mnistx", "version": __version__, "extensions": ["binary_tensor_data"]})


async def model_metadata(service: Service, request: Request) -> Reply:
    """What a model takes and gives."""
    model = _model(service, request)
    return json_reply(protocol.describe_model(model.name, model.metadata, model.platform))


async def model_ready(service: Service, request: Request) -> Reply:
    """Whether a model answers."""
    model = _model(service, request)
    is_ready = not service.is_draining and not model.failure
    return json_reply({"name": model.name, "ready": is_ready}, 200 if is_ready else 400)


async def infer(service: Service, request: Request) -> Reply:
    """The bare output of a model."""
    model = _model(service, request)
    size = _admit(service, request)
    try:
        body = await _read_body(request, size, service.limits.seconds)
        length = _json_length(request)
        takes = model.takes
        if (len(body) if length is None else length) <= INLINE:
            asked = protocol.parse_request(body, length, takes)
        else:
            asked = await service.decoders.run(request.client, protocol.parse_request, body, length, takes)
        request.note["model"], request.note["images"] = model.name, len(asked.images)
        rows = await service.compute(model, request.client, asked.images)
        return protocol.format_answer(asked, model.name, rows)
    finally:
        service.admission.leave(request.client, size)


async def predict(service: Service, request: Request) -> Reply:
    """What a picture shows."""
    query = dict(QueryParams(request.scope["query_string"]))
    model = service.model(query.pop("model", next(iter(service.models))))
    options = parse_options(query)
    size = _admit(service, request)
    try:
        body = await _read_body(request, size, service.limits.seconds)
        request.note["model"] = model.name
        reader = Reader(Postprocess(model.metadata), model.key, service.decoders, partial(service.compute, model))
        upload = Upload(body, request.header(b"content-type") or "")
        answer = await reader.answer(request.client, upload, options)
        return Reply(answer, "image/png") if isinstance(answer, bytes) else json_reply(answer)
    finally:
        service.admission.leave(request.client, size)


async def metrics(service: Service, _request: Request) -> Reply:
    """Numbers for Prometheus."""
    return Reply(service.metrics.text(), CONTENT_TYPE)


async def openapi(service: Service, _request: Request) -> Reply:
    """The description of all addresses."""
    return json_reply(describe_service(service.models, service.limits))


async def docs(service: Service, _request: Request) -> Reply:
    """The same, for a person."""
    return Reply(docs_page(describe_service(service.models, service.limits)), HTML)


async def page(service: Service, _request: Request) -> Reply:
    """The page of the web format, or a plain one."""
    return Reply(service.page or start_page(service.models), HTML)


async def icon(_service: Service, _request: Request) -> Reply:
    """For browsers."""
    return Reply(ICON, "image/svg+xml")


def _model(service: Service, request: Request) -> ServedModel:
    return service.model(request.params["model"], request.params.get("version", protocol.VERSION))


def _admit(service: Service, request: Request) -> int:
    """Count the request among those that are accepted; how large its body may be."""
    encoding = request.header(b"content-encoding") or "identity"
    if encoding != "identity":
        raise HttpError(415, f"content-encoding {encoding!r:.60} isn't read; send the body as it is")
    length = request.headers.get(b"content-length")
    size = service.limits.body if length is None else int(length)
    service.admission.enter(request.client, size)
    return size


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
    text = request.header(protocol.JSON_LENGTH.encode())
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 12):
        raise HttpError(400, f"{protocol.JSON_LENGTH} must be a number of bytes, not {text!r:.60}")
    return int(text)
