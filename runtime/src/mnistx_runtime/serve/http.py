"""A request and its answer, as the endpoints see them: less than Starlette's, which take as long to make as a model."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from mnistx_runtime.json_text import json_text

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

JSON = "application/json"


@dataclass(slots=True)
class Request:
    """What was asked.

    Args:
        scope: ASGI's.
        receive: ASGI's; gives the body.
        headers: by name, in small letters; of several with the same name the last.
        params: the parts of the path that its route names.
        client: who asks: the address, as the proxy says it where that is trusted.
        note: JSON-ready values for the log.
    """

    scope: Scope
    receive: Receive
    headers: Mapping[bytes, bytes]
    params: Mapping[str, str]
    client: str
    note: dict[str, Any]

    def header(self, name: bytes) -> str | None:
        """The value of a header; None without it."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")


class Reply(NamedTuple):
    """What is answered.

    Args:
        body: bytes.
        media: the content type.
        status: of HTTP.
        headers: beside the content's type and length.
    """

    body: bytes
    media: str = JSON
    status: int = 200
    headers: Mapping[str, str] = {}


def json_reply(values: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """Values as JSON."""
    return Reply(json_text(values).encode(), JSON, status, headers or {})


async def send_reply(send: Send, reply: Reply, is_last: bool) -> None:
    """Send an answer.

    Args:
        send: ASGI's.
        reply: the answer.
        is_last: whether the connection ends with it.
    """
    headers = [(b"content-type", reply.media.encode()), (b"content-length", b"%d" % len(reply.body))]
    headers += [(name.encode(), value.encode()) for name, value in reply.headers.items()]
    if is_last:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})
