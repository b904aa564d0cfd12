import asyncio
from typing import Any

from mnistx_runtime.serve.http import Request, json_reply, send_reply


def test_a_reply_is_sent_with_its_length_and_says_where_it_is_the_last() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(send_reply(send, json_reply({"a": float("nan")}, 418, {"x": "y"}), True))
    assert sent[0]["status"] == 418 and sent[1]["body"] == b'{"a": null}'
    named = dict(sent[0]["headers"])
    assert named[b"content-length"] == b"11" and named[b"x"] == b"y" and named[b"connection"] == b"close"


def test_headers_are_found_by_name() -> None:
    async def receive() -> dict[str, Any]:
        return {}

    request = Request({}, receive, {b"a": b"\xe9"}, {}, "", {})
    assert request.header(b"a") == "é" and request.header(b"b") is None
