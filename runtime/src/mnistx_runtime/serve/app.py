"""What every request passes, whatever its address: the token, the log, the metrics, and an end without a traceback."""

from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache
from time import perf_counter
from typing import Any, NamedTuple

from starlette.routing import Match, Route

from mnistx_runtime.errors import MnistxError, describe_error
from mnistx_runtime.serve.access_log import AccessLog
from mnistx_runtime.serve.auth import OPEN, is_authorized
from mnistx_runtime.serve.http import Receive, Reply, Request, Scope, Send, json_reply, send_reply
from mnistx_runtime.serve.http_error import HttpError, status_of
from mnistx_runtime.serve.metrics import Metrics

_KNOWN = 256
"""Paths whose endpoints are remembered."""

Endpoint = Callable[[Request], Awaitable[Reply]]


class Address(NamedTuple):
    """What is at an address.

    Args:
        route: its path; it takes any method.
        method: the one that is answered.
        name: in the metrics.
        endpoint: what answers.
    """

    route: Route
    method: str
    name: str
    endpoint: Endpoint


class App:
    """The ASGI application.

    Attributes:
        is_draining: whether connections are asked to end, as the server soon does.
    """

    def __init__(self, addresses: Sequence[Address], metrics: Metrics, log: AccessLog, token: bytes | None) -> None:
        """See the module.

        Args:
            addresses: the one that is asked most first.
            metrics: count each request.
            log: takes a line of each.
            token: None where none is asked for.
        """
        self._addresses, self._metrics, self._log, self._token = addresses, metrics, log, token
        self.is_draining = False
        self._find = lru_cache(_KNOWN)(self._match)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        began = perf_counter()
        client = scope.get("client")
        request = Request(scope, receive, dict(scope["headers"]), {}, client[0] if client else "", {})
        name, reply = "none", None
        try:
            name, reply = await self._answer(request)
            await send_reply(send, reply, self.is_draining)
        finally:
            seconds = perf_counter() - began
            status, size = (reply.status, len(reply.body)) if reply else (0, 0)
            self._metrics.observe(name, status, seconds)
            self._log.add(request, status, seconds, size)

    async def _answer(self, request: Request) -> tuple[str, Reply]:
        """The name of the endpoint, and its answer."""
        if not self._is_allowed(request):
            text = "a token is asked for: Authorization: Bearer TOKEN"
            return "none", json_reply({"error": text}, 401, {"www-authenticate": "Bearer"})
        found = self._find(request.scope["path"])
        if found:
            address, request.params = found
            return address.name, await self._call(address, request)
        return "none", json_reply({"error": "nothing is at this address; /docs lists all"}, 404)

    def _match(self, path: str) -> tuple[Address, dict[str, str]] | None:
        """What is at a path, and the parts of it that its route names."""
        for address in self._addresses:
            match, found = address.route.matches({"type": "http", "path": path, "method": address.method})
            if match is not Match.NONE:
                return address, found["path_params"]
        return None

    def _is_allowed(self, request: Request) -> bool:
        if self._token is None or request.scope["path"] in OPEN:
            return True
        return is_authorized(request.headers.get(b"authorization", b""), self._token)

    async def _call(self, address: Address, request: Request) -> Reply:
        method = request.scope["method"]
        if method != address.method and not (method == "HEAD" and address.method == "GET"):
            return json_reply({"error": f"this address takes {address.method}"}, 405, {"allow": _allowed(address)})
        try:
            return await address.endpoint(request)
        except HttpError as error:
            return _refusal(request, error.text, error)
        except MnistxError as error:
            return _refusal(request, str(error), HttpError(status_of(error), str(error)))
        except Exception as error:
            text = f"{type(error).__name__}: {describe_error(error)}"
            return _refusal(request, text, HttpError(500, "internal error"))


def _allowed(address: Address) -> str:
    return "GET, HEAD" if address.method == "GET" else address.method


def _refusal(request: Request, note: str, error: HttpError) -> Reply:
    """The answer of an error, and what the log says of it."""
    request.note["error"] = note
    values: dict[str, Any] = error.values | {"error": error.text}
    return json_reply(values, error.status, error.headers)
