"""The process: who is refused, and that nothing accepted is lost at its end."""

import re
import signal
import threading
from collections import Counter
from http.client import HTTPException
from pathlib import Path

import pytest
import uvicorn

from command import PICTURES, ROOT
from mnistx_runtime.errors import BadInput
from mnistx_runtime.serve.server import open_socket
from server_process import Answer, Server, serving

assert uvicorn.__version__

PICTURE = (PICTURES / "three.jpg").read_bytes()
ROW = (ROOT / "artifacts" / "postal-code.jpg").read_bytes()


def flood(server: Server, clients: int, stop: threading.Event) -> list[Answer]:
    """What clients get that ask again and again until the server is gone, each on a connection of its own."""
    found: list[Answer] = []

    def ask() -> None:
        while not stop.is_set():
            try:
                found.append(server.post("/predict?many=1", ROW))
            except (OSError, HTTPException):
                return

    threads = [threading.Thread(target=ask) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_under_load_a_stop_answers_all_that_was_accepted_and_health_says_no_before(tmp_path: Path) -> None:
    with serving(tmp_path, "--grace", "1.5", "--queue", "64", "--threads", "1") as server:
        assert server.get("/v2/health/ready").json() == {"ready": True}
        stop, answers, seen = threading.Event(), [], Counter[bool]()

        def send_stop() -> None:
            while sum(line["status"] == 200 for line in server.lines()) < 5:
                pass
            server.process.send_signal(signal.SIGTERM)
            try:
                while True:
                    answer = server.get("/v2/health/ready")
                    seen[answer.status == 200] += 1
                    assert answer.headers["connection"] == "close" or answer.status == 200
            except (OSError, HTTPException):
                return

        watcher = threading.Thread(target=send_stop)
        watcher.start()
        answers = flood(server, 24, stop)  # more than are answered in a moment
        watcher.join()
        assert server.process.wait(60) == 0
        predicted = [line for line in server.lines() if line["path"] == "/predict"]
        assert seen[False] > 0  # health said no, while requests were still taken
        assert len(answers) == len(predicted) > 8 and {answer.status for answer in answers} == {200}
        assert all(answer.json()["text"] == "20742" for answer in answers)


def test_beyond_the_queue_requests_are_refused_and_what_is_accepted_is_answered(tmp_path: Path) -> None:
    with serving(tmp_path, "--grace", "0", "--queue", "4", "--threads", "1", MNISTX_TOKEN="secret") as server:
        assert server.get("/v2").status == 401 and server.get("/v2/health/live").status == 200
        found: list[Answer] = []

        def ask() -> None:
            found.append(server.post("/predict?many=1", PICTURE, Authorization="Bearer secret"))

        threads = [threading.Thread(target=ask) for _ in range(24)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        statuses = Counter(answer.status for answer in found)
        assert statuses.keys() == {200, 429} and statuses[200] >= 3
        refused = next(answer for answer in found if answer.status == 429)
        assert refused.headers["retry-after"] == "1" and re.search("queue is full", refused.json()["error"])
        assert server.post("/predict", PICTURE, Authorization="Bearer secret").status == 200


def test_a_port_in_use_or_an_address_of_others_is_told() -> None:
    with open_socket("127.0.0.1", 0) as taken:
        taken.listen()
        with pytest.raises(BadInput, match=r"can't listen on 127\.0\.0\.1:"):
            open_socket("127.0.0.1", taken.getsockname()[1])
    with pytest.raises(BadInput, match="can't listen on"):
        open_socket("203.0.113.1", 0)
