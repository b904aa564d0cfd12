"""One line of JSON a request, written together with those of the same turn of the event loop."""

import asyncio
import json
import os
from datetime import UTC, datetime

from mnistx_runtime.serve.http import Request

_LONGEST_PATH = 200  # characters


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
        time = datetime.now(UTC).isoformat(timespec="milliseconds")
        path = json.dumps(scope["path"][:_LONGEST_PATH])
        note = f", {json.dumps(request.note)[1:-1]}" if request.note else ""
        self._lines.append(
            f'{{"time": "{time}", "client": {json.dumps(request.client)}, "method": "{scope["method"]}", '
            f'"path": {path}, "status": {status}, "ms": {seconds * 1e3:.3f}, "bytes": {size}{note}}}\n'
        )

    def flush(self) -> None:
        """Write what waits."""
        data = "".join(self._lines).encode()
        self._lines.clear()
        try:
            while data and self._number >= 0:
                data = data[os.write(self._number, data) :]
        except OSError:
            self._number = -1
