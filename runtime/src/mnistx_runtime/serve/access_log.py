"""One line of JSON a request, written together with those of the same turn of the event loop."""

import asyncio
import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any


class AccessLog:
    """Writes lines to a stream; once nobody reads it any more, to nothing."""

    def __init__(self, number: int = 1) -> None:
        """Write to a file that is open.

        Args:
            number: of it; 1 is standard output.
        """
        self._number = number
        self._lines: list[str] = []

    def add(self, values: Mapping[str, Any]) -> None:
        """Write a line, soon.

        Args:
            values: JSON-ready; the time of now is put before them.
        """
        if not self._lines:
            asyncio.get_running_loop().call_soon(self.flush)
        time = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._lines.append(f'{{"time": "{time}", {json.dumps(values)[1:]}\n')

    def flush(self) -> None:
        """Write what waits."""
        data = "".join(self._lines).encode()
        self._lines.clear()
        try:
            while data and self._number >= 0:
                data = data[os.write(self._number, data) :]
        except OSError:
            self._number = -1
