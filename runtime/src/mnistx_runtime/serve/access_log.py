"""One line of JSON a request, written together with those of the same turn of the event loop."""

import asyncio
import json
import os
from datetime import UTC, datetime
from functools import lru_cache

from mnistx_runtime.serve.http import Request

_LONGEST = 300  # characters


@lru_cache(1000)
def _quote(value: str | int) -> str:
    return json.dumps(value[:_LONGEST] if isinstance(value, str) else value)


class AccessLog:
    """Writes lines to a stream; once nobody reads it any more, to nothing."""

    def __init__(self, number: int = 1) -> None:
        """Write to a file that is open.

        Args:
            number: of it; 1 is standard output.
        """
        self._number = number
        self._lines: list[str] = []

    def add(self, request: Request, status: int, seconds: float, size: int) -> None:
        """Write a line, soon.

        Args:
            request: what was asked, with its note.
            status: of the answer.
            seconds: that it took.
            size: bytes of its body.
        """
        if not self._lines:
            asyncio.get_running_loop().call_soon(self.flush)
        scope = request.scope
        note = "".join([f', "{name}": {_quote(value)}' for name, value in request.note.items()])
        self._lines.append(
            f'"client": {_quote(request.client)}, "method": "{scope["method"]}", "path": {_quote(scope["path"])}, '
            f'"status": {status}, "ms": {seconds * 1e3:.3f}, "bytes": {size}{note}}}\n'
        )

    def flush(self) -> None:
        """Write what waits."""
        begin = f'{{"time": "{datetime.now(UTC).isoformat(timespec="milliseconds")}", '
        data = "".join([begin + line for line in self._lines]).encode()
        self._lines.clear()
        try:
            while data and self._number >= 0:
                data = data[os.write(self._number, data) :]
        except OSError:
            self._number = -1
