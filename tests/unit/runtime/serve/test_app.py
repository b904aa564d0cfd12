import asyncio
import json
import os
from typing import Any

from starlette.routing import Route

from mnistx_runtime.errors import UnreadablePicture
from mnistx_runtime.serve.access_log import AccessLog
from mnistx_runtime.serve.app import Address, App, Endpoint
from mnistx_runtime.serve.http import Reply, Request, json_reply
from mnistx_runtime.serve.http_error import HttpError
from mnistx_runtime.serve.limits import Admission, Limits
from mnistx_runtime.serve.metrics import Metrics


def app(token: bytes | None = None) -> App:
    def failing(error: Exception) -> Endpoint:
        async def endpoint(_: Request) -> Reply:
            raise error

        return endpoint

    async def fine(request: Request) -> Reply:
        return json_reply(dict(request.params))

    endpoints = {
        "/fine/{name}": fine,
        "/http": failing(HttpError(429, "full", {"retry-after": "1"})),
        "/ours": failing(UnreadablePicture("x is no picture")),
        "/fault": failing(ZeroDivisionError("a secret")),
        "/v2/health/live": fine,
    }
    addresses = [Address(Route(path, each), "GET", "x", each) for path, each in endpoints.items()]
    return App(addresses, Metrics(Admission(Limits())), AccessLog(os.open(os.devnull, os.O_WRONLY)), token)


def ask(of: App, path: str, method: str = "GET", **headers: bytes) -> tuple[int, dict[bytes, bytes], Any]:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        sent.append(message)

    named = [(name.encode(), value) for name, value in headers.items()]
    asyncio.run(of({"type": "http", "method": method, "path": path, "headers": named}, receive, send))
    return sent[0]["status"], dict(sent[0]["headers"]), json.loads(sent[1]["body"])


def test_every_error_is_an_answer_and_none_a_traceback() -> None:
    assert ask(app(), "/fine/a")[0::2] == (200, {"name": "a"})
    status, headers, values = ask(app(), "/http")
    assert (status, headers[b"retry-after"], values) == (429, b"1", {"error": "full"})
    assert ask(app(), "/ours")[0::2] == (400, {"error": "x is no picture"})
    assert ask(app(), "/fault")[0::2] == (500, {"error": "internal error"})
    assert ask(app(), "/nowhere")[0] == 404
    status, headers, _ = ask(app(), "/fine/a", "DELETE")
    assert status == 405 and headers[b"allow"] == b"GET, HEAD"


def test_the_token_is_asked_for_everywhere_but_for_health() -> None:
    guarded = app(b"secret")
    for path in ("/fine/a", "/nowhere", "/fault"):
        status, headers, _ = ask(guarded, path)
        assert status == 401 and headers[b"www-authenticate"] == b"Bearer"
        assert ask(guarded, path, authorization=b"Bearer secreT")[0] == 401
    assert ask(guarded, "/fine/a", authorization=b"Bearer secret")[0] == 200
    assert ask(guarded, "/v2/health/live")[0] == 200


def test_connections_end_with_their_answer_while_the_server_drains() -> None:
    draining = app()
    assert b"connection" not in ask(draining, "/fine/a")[1]
    draining.is_draining = True
    assert ask(draining, "/fine/a")[1][b"connection"] == b"close"
