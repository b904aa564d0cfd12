"""A server in a process of its own, as tests ask it."""

import http.client
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import starlette  # noqa: F401  # of the extra that a server needs


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Server:
    """One that runs.

    Args:
        port: that it listens on.
        process: that it is.
        log: its standard output.
    """

    port: int
    process: subprocess.Popen[str]
    log: Path

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """One request; underscores in the headers' names stand for hyphens."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, named)
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, found, answer.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, None, **headers)

    def post(self, path: str, body: bytes, **headers: str) -> Answer:
        return self.ask("POST", path, body, **headers)

    def lines(self) -> list[dict[str, Any]]:
        """The log's whole lines so far."""
        whole = self.log.read_text().rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines()]

    def line(self, path: str) -> dict[str, Any]:
        """The log's line of the one request of this path; an answer may arrive before its line does."""
        end = time.monotonic() + 60
        while not (found := [line for line in self.lines() if line["path"] == path]) and time.monotonic() < end:
            time.sleep(0.01)
        (line,) = found
        return line


@contextmanager
def serving(folder: Path, *args: str | Path, **env: str) -> Iterator[Server]:
    """While this lasts, `mnistx serve` runs.

    Args:
        folder: for its log.
        args: of it.
        env: variables of it.
    """
    command = [sys.executable, "-m", "mnistx_runtime", "serve", *map(str, args), "--port", "0"]
    log = folder / "log.jsonl"
    with log.open("w") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.PIPE, text=True, env=os.environ | env)
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        found = re.search(r"on http://127\.0\.0\.1:(\d+)$", line.strip())
        assert found is not None, line + process.stderr.read()
        yield Server(int(found[1]), process, log)
    finally:
        process.terminate()
        process.communicate()
