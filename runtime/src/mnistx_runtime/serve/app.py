"""What every request passes, whatever its address: the token, the log, the metrics, and an end without a traceback."""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from time import perf_counter
from typing import Any

from mnistx_runtime.errors import describe_error
from mnistx_runtime.serve.access_log import AccessLog
from mnistx_runtime.serve.auth import is_authorized
from mnistx_runtime.serve.metrics import Metrics

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

OPEN = ("/v2/health/live", "/v2/health/ready")
"""Addresses that need no token: what starts, stops and balances servers asks them."""

_LONGEST_PATH = 200  # characters in the log


class Gate:
    """An ASGI application around another one.

    Attributes:
        is_draining: whether connections are asked to end, as the server soon does.
    """

    def __init__(self, app: App, metrics: Metrics, log: AccessLog, token: bytes | None) -> None:
        """See the module.

        Args:
            app: what answers.
            metrics: count each request.
            log: takes a line of each.
            token: None where none is asked for.
        """
        self._app, self._metrics, self._log, self._token = app, metrics, log, token
        self.is_draining = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        began = perf_counter()
        status = size = 0

        async def watch(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
                if self.is_draining:
                    message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
            else:
                size += len(message.get("body", b""))
            await send(message)

        error = ""
        try:
            if self._token is None or scope["path"] in OPEN or _is_allowed(scope, self._token):
                await self._app(scope, receive, watch)
            else:
                await _refuse(watch)
        except Exception as raised:
            error = f"{type(raised).__name__}: {describe_error(raised)}"
            if not status:
                await send_json(watch, 500, {"error": "internal error"})
        finally:
            self._note(scope, status, size, perf_counter() - began, error)

    def _note(self, scope: Scope, status: int, size: int, seconds: float, error: str) -> None:
        endpoint = getattr(scope.get("endpoint"), "__name__", "none")
        self._metrics.observe(endpoint, status, seconds)
        client = scope.get("client")
        values = {
            "client": client[0] if client else None,
            "method": scope["method"],
            "path": scope["path"][:_LONGEST_PATH],
            "status": status,
            "ms": round(seconds * 1e3, 3),
            "bytes": size,
            **scope["state"],
        }
        self._log.add(values | {"error": error} if error else values)


def _is_allowed(scope: Scope, token: bytes) -> bool:
    given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
    return is_authorized(given, token)


async def _refuse(send: Send) -> None:
    text = "a token is asked for: Authorization: Bearer TOKEN"
    await send_json(send, 401, {"error": text}, [(b"www-authenticate", b"Bearer")])


async def send_json(
    send: Send, status: int, values: MutableMapping[str, Any], headers: list[tuple[bytes, bytes]] | None = None
) -> None:
    """Answer with an object."""
    body = json.dumps(values).encode()
    start = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *(headers or [])]
    await send({"type": "http.response.start", "status": status, "headers": start})
    await send({"type": "http.response.body", "body": body})
