import asyncio
import json
import os
from typing import Any

from mnistx_runtime.serve.access_log import AccessLog
from mnistx_runtime.serve.http import Request


def request(path: str) -> Request:
    async def receive() -> dict[str, Any]:
        return {}

    return Request({"method": "GET", "path": path}, receive, {}, {}, "::1", {"model": "m", "images": 3})


def test_a_line_is_json_whatever_is_in_the_path() -> None:
    reader, writer = os.pipe()

    async def test() -> None:
        log = AccessLog(writer)
        for path in ("/x", '/"\n\x1b[2J' + "é" * 1000):
            log.add(request(path), 200, 0.0015, 7)
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    asyncio.run(test())
    os.close(writer)
    with os.fdopen(reader) as file:
        lines = file.read().splitlines()
    first, second = map(json.loads, lines)
    assert first.items() >= {"path": "/x", "status": 200, "ms": 1.5, "bytes": 7, "client": "::1", "images": 3}.items()
    assert len(second["path"]) == 300 and all(line.isascii() and "\x1b" not in line for line in lines)


def test_a_reader_that_went_away_stops_nothing() -> None:
    reader, writer = os.pipe()
    os.close(reader)

    async def test() -> None:
        log = AccessLog(writer)
        for _ in range(2):
            log.add(request("/"), 200, 0, 0)
            log.flush()

    asyncio.run(test())
    os.close(writer)
