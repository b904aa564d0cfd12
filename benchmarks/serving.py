"""Puts load on `mnistx serve` on this machine's loopback, and writes serving.md.

    python benchmarks/serving.py artifacts EXPORTED

EXPORTED is a folder of `mnistx export --format c-int8 --checkpoint artifacts/mnist-cnn.safetensors`. In one run and in
turn: the bare ONNX Runtime session, a bare Starlette route that reads as many bytes and answers a constant, and the
server, under wrk, for tensors, to ONNX Runtime and to generated C, and for small photographs. Then twice what it can
bear, of a client that doesn't wait for answers; then SIGTERM under load. Needs wrk, and mnistx-runtime[serve].
"""

import asyncio
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import numpy as np
import psutil

from mnistx_runtime import Predictor
from mnistx_runtime.benchmark.processor import processor
from mnistx_runtime.serve.server import HTTP

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "artifacts" / "pictures" / "three.jpg"
RELEASED, GENERATED = ROOT / "artifacts" / "mnist-cnn.onnx", "mnist-cnn-int8.c99"
INFER, PREDICT = "/v2/models/{}/infer", "/predict"
CONNECTIONS = (1, 8, 64)
ROUNDS, SECONDS = 5, 2
OVERLOAD_SECONDS = 10


@dataclass(frozen=True)
class Load:
    """What is sent.

    Args:
        path: where to.
        body: bytes.
        headers: beside the usual ones.
    """

    path: str
    body: bytes
    headers: Mapping[str, str]


def loads() -> dict[str, Load]:
    """A tensor of one image as Triton's client sends it by default, to both models, and a small photograph."""
    image = np.random.default_rng(0).integers(0, 256, (1, 1, 28, 28)).astype(np.uint8)
    tensor = {
        "name": "image",
        "shape": [1, 1, 28, 28],
        "datatype": "UINT8",
        "parameters": {"binary_data_size": image.size},
    }
    text = json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
    sent = text + image.tobytes(), {"Inference-Header-Content-Length": str(len(text))}
    return {
        "a tensor, ONNX Runtime": Load(INFER.format("mnist-cnn"), *sent),
        "a tensor, generated C (`c-int8`)": Load(INFER.format("mnist-cnn-int8"), *sent),
        "a photograph": Load(PREDICT, PICTURE.read_bytes(), {"Content-Type": "image/jpeg"}),
    }


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


@contextmanager
def running(*command: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """While this lasts, a server runs that listens on the port of `PORT`."""
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait_for(port: int) -> None:
    """Until something listens there."""
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port)):
                return
        except OSError:
            time.sleep(0.1)


def bare_route(port: int) -> None:
    """Serve a Starlette application that reads a body and answers a constant as long as a tensor's answer."""
    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    async def answer(request: Request) -> Response:
        await request.body()
        return Response(bytes(203), media_type="application/octet-stream")

    routes = [Route(path, answer, methods=["POST"]) for path in sorted({load.path for load in loads().values()})]
    uvicorn.Server(uvicorn.Config(Starlette(routes=routes), port=port, **HTTP)).run()


def wrk(port: int, load: Load, connections: int, folder: Path) -> dict[str, float]:
    """Requests a second, and milliseconds at p50 and p99."""
    body, script = folder / "body", folder / "post.lua"
    body.write_bytes(load.body)
    headers = "".join(f'wrk.headers["{name}"] = "{value}"\n' for name, value in load.headers.items())
    script.write_text(
        f'wrk.method = "POST"\nlocal f = io.open("{body}", "rb"); wrk.body = f:read("*all"); f:close()\n{headers}'
    )
    command = ["wrk", "-t1", f"-c{connections}", f"-d{SECONDS}", "--latency", "-s", str(script)]
    done = subprocess.run(
        [*command, f"http://127.0.0.1:{port}{load.path}"], capture_output=True, text=True, check=True
    ).stdout
    if "Non-2xx" in done:
        raise SystemExit(f"not all was answered:\n{done}")
    units = {"us": 1e-3, "ms": 1.0, "s": 1e3}
    found = {f"p{n}": float(v) * units[u] for n, v, u in re.findall(r"\s(50|99)%\s+([\d.]+)(us|ms|s)", done)}
    rate, count = re.search(r"Requests/sec:\s+([\d.]+)", done), re.search(r"(\d+) requests in", done)
    assert rate is not None and count is not None
    return found | {"rate": float(rate[1]), "count": int(count[1])}


def bare_session(count: int) -> dict[str, float]:
    """Images a second of the bare session in one thread, and milliseconds of a run of some."""
    session = Predictor(threads=1)._session._session  # type: ignore[attr-defined]
    images = np.random.default_rng(0).integers(0, 256, (count, 1, 28, 28)).astype(np.uint8)
    times = []
    end = time.perf_counter() + 1
    while time.perf_counter() < end:
        began = time.perf_counter()
        session.run(["log_probs"], {"image": images})
        times.append(time.perf_counter() - began)
    cuts = quantiles(times, n=100)
    return {"rate": count * len(times) / sum(times), "p50": cuts[49] * 1e3, "p99": cuts[98] * 1e3}


async def ask(port: int, load: Load) -> tuple[int, float]:
    """The status of an answer, on a connection of its own, 0 where none came; and its milliseconds."""
    began = time.perf_counter()
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        headers = "".join(f"{name}: {value}\r\n" for name, value in load.headers.items())
        head = f"POST {load.path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(load.body)}\r\n"
        writer.write(f"{head}{headers}\r\n".encode() + load.body)
        answer = await reader.read()
        writer.close()
        status = int(answer[9:12]) if answer.endswith(b"}") and b"\r\n\r\n{" in answer else 0
    except OSError:
        status = 0
    return status, (time.perf_counter() - began) * 1e3


async def overload(port: int, load: Load, rate: float, seconds: float) -> list[tuple[int, float]]:
    """The answers to so many requests a second, sent whether or not others are answered."""
    tasks, began = [], time.perf_counter()
    for number in range(int(rate * seconds)):
        await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
        tasks.append(asyncio.create_task(ask(port, load)))
    return list(await asyncio.gather(*tasks))


def cpu_seconds(process: subprocess.Popen[bytes]) -> float:
    """Of CPU time that a process took, and not those that it started."""
    times = psutil.Process(process.pid).cpu_times()
    return float(times.user + times.system)


def memory(process: subprocess.Popen[bytes]) -> float:
    """MiB of a process and those that it started, pages that they share counted once."""
    here = psutil.Process(process.pid)
    return sum(each.memory_full_info().pss for each in (here, *here.children(recursive=True))) / 2**20


def measure(exported: Path, folder: Path) -> dict[str, Any]:
    """All of the figures."""
    bare, own = free_port(), free_port()
    log = folder / "log"
    found: dict[str, Any] = {"rounds": {}, "session": {}}
    models = (str(RELEASED), str(exported / GENERATED))
    server = (sys.executable, "-m", "mnistx_runtime", "serve", *models, "--port", str(own), "--grace", "1")
    with ExitStack() as stack:
        route = stack.enter_context(running(sys.executable, __file__, "--bare", str(bare), log=folder / "bare"))
        process = stack.enter_context(running(*server, log=log))
        wait_for(bare)
        wait_for(own)
        time.sleep(5)
        for _ in range(ROUNDS):
            for count in (1, 64):
                found["session"].setdefault(count, []).append(bare_session(count))
            for name, load in loads().items():
                for connections in CONNECTIONS:
                    for what, port, started in (("route", bare, route), ("server", own, process)):
                        before = cpu_seconds(started)
                        figures = wrk(port, load, connections, folder)
                        spent = (cpu_seconds(started) - before) / figures["count"]
                        key = name, connections, what
                        found["rounds"].setdefault(key, []).append(figures | {"cpu": spent * 1e6})
        photograph = loads()["a photograph"]
        bears = median(each["rate"] for each in found["rounds"]["a photograph", 64, "server"])
        before = memory(process)
        answers = asyncio.run(overload(own, photograph, 2 * bears, OVERLOAD_SECONDS))
        asyncio.run(overload(own, photograph, 2 * bears, OVERLOAD_SECONDS))
        found["overload"] = {"bears": bears, "answers": answers, "memory": (before, memory(process))}
        lines = log.read_text().count("\n")

        async def stop() -> list[tuple[int, float]]:
            task = asyncio.create_task(overload(own, photograph, bears / 2, 4))
            await asyncio.sleep(2)
            process.send_signal(signal.SIGTERM)
            return await task

        answers = asyncio.run(stop())
        code = process.wait()
        accepted = [json.loads(line)["status"] for line in log.read_text().splitlines()[lines:]]
        found["stop"] = {"answers": Counter(status for status, _ in answers), "log": Counter(accepted), "code": code}
    return found


def row(label: str, rounds: list[dict[str, float]]) -> str:
    """Medians over the rounds."""
    rate, p50, p99 = (median(each[name] for each in rounds) for name in ("rate", "p50", "p99"))
    spent = f" {median(each['cpu'] for each in rounds):.0f} |" if "cpu" in rounds[0] else ""
    return f"| {label} | {rate:,.0f} | {p50:.2f} | {p99:.2f} |{spent}"


def page(found: dict[str, Any]) -> str:
    """The tables as Markdown."""
    first, rule = "| | a second | p50, ms | p99, ms |", "|---|---|---|---|---|"
    head = f"{first}\n|---|---|---|---|"
    lines = [
        "# How much `mnistx serve` bears",
        "",
        f"`python benchmarks/serving.py artifacts EXPORTED` on {os.cpu_count()} CPUs ({processor()}), load average "
        f"{os.getloadavg()[0]:.1f}, the client beside the server on them: medians of {ROUNDS} rounds of {SECONDS} s, "
        "in turn. The route is Starlette's under uvicorn with the same settings; it reads the same bytes and answers a "
        "constant.",
        "",
        "## The bare ONNX Runtime session, one thread",
        "",
        head,
        *(row(f"images, {count} a run", rounds) for count, rounds in found["session"].items()),
    ]
    for name in loads():
        lines += [
            "",
            f"## Requests with {name}",
            "",
            first + " CPU of the process that speaks HTTP, us a request |",
            rule,
        ]
        for connections in CONNECTIONS:
            pair = [found["rounds"][name, connections, what] for what in ("route", "server")]
            shares = [own["rate"] / bare["rate"] for bare, own in zip(*pair, strict=True)]
            lines.append(row(f"bare route, {connections} connections", pair[0]))
            label = f"mnistx serve, {connections} connections: {median(shares):.0%} of the route ({min(shares):.0%} to "
            lines.append(row(f"{label}{max(shares):.0%})", pair[1]))
    over, stop = found["overload"], found["stop"]
    statuses = Counter(status for status, _ in over["answers"])
    times = sorted(time for status, time in over["answers"] if status == 200)
    lines += [
        "",
        "## Twice what it can bear",
        "",
        f"{2 * over['bears']:,.0f} photographs a second for {OVERLOAD_SECONDS} s, of a client that doesn't wait for "
        f"answers, each on a connection of its own: {statuses[200]:,} were answered, {statuses[429]:,} refused with "
        f"429, {len(over['answers']) - statuses[200] - statuses[429]:,} got neither. Of those answered, p50 is "
        f"{times[len(times) // 2]:,.0f} ms and p99 {times[len(times) * 99 // 100]:,.0f} ms, the client's own time "
        f"included. Memory of all its processes: {over['memory'][0]:,.0f} MiB before, {over['memory'][1]:,.0f} MiB "
        "after a second such load.",
        "",
        "## SIGTERM under load",
        "",
        f"Of {sum(stop['answers'].values()):,} photographs sent around it, the server's log says that it accepted "
        f"{sum(stop['log'].values()):,}, and the client got {stop['answers'][200] + stop['answers'][429]:,} whole "
        f"answers; the others found nothing listening any more. Exit code {stop['code']}.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """See the module."""
    if sys.argv[1] == "--bare":
        bare_route(int(sys.argv[2]))
        return
    if not shutil.which("wrk"):
        raise SystemExit("wrk is missing: apt install wrk")
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(sys.argv[2]), Path(folder))
    (Path(sys.argv[1]) / "serving.md").write_text(page(found))
    stop = found["stop"]
    if sum(stop["log"].values()) != stop["answers"][200] + stop["answers"][429]:
        raise SystemExit("something that was accepted was lost")


if __name__ == "__main__":
    main()
