"""The process: its socket, its models, its signals, and an end at which nothing accepted is lost."""

import asyncio
import gc
import logging
import signal
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import uvicorn

from mnistx_runtime.backends import chunk_of
from mnistx_runtime.errors import BadInput
from mnistx_runtime.serve.access_log import AccessLog
from mnistx_runtime.serve.app import App
from mnistx_runtime.serve.batching import Batcher, Model
from mnistx_runtime.serve.decoders import Decoders
from mnistx_runtime.serve.endpoints import Service, addresses
from mnistx_runtime.serve.limits import Admission, Limits
from mnistx_runtime.serve.metrics import Metrics
from mnistx_runtime.serve.model_process import ModelProcesses
from mnistx_runtime.serve.models import ServedModel
from mnistx_runtime.system.threads import available_cpus

CONNECTIONS = 1000
"""Open at a time; beyond them uvicorn answers 503."""

PATIENCE = 30
"""Seconds that what is accepted has at the end."""

BATCH = 32  # images that are answered together, at most

AHEAD = 2
"""Batches that a process is given at a time: it need not wait for the event loop between them."""

HTTP: dict[str, Any] = {
    "http": "httptools",
    "ws": "none",
    "lifespan": "off",
    "log_config": None,
    "access_log": False,
    "server_header": False,
}
"""How uvicorn is set up; the bare route that `benchmarks/serving.py` measures is, too."""


def open_socket(host: str, port: int) -> socket.socket:
    """A socket that listens, so that a port in use is told before models are loaded.

    Raises:
        BadInput: it can't listen there.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        opened = socket.socket(family, kind, protocol)
        try:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            opened.bind(address)
        except BaseException:
            opened.close()
            raise
    except OSError as error:
        raise BadInput(f"can't listen on {host}:{port}: {error.strerror or error}") from error
    opened.set_inheritable(False)
    return opened


@dataclass(frozen=True)
class Settings:
    """How models are served.

    Args:
        limits: on what is taken on.
        token: that is asked for; None for none.
        page: shown at `/`; None for a plain one.
    """

    limits: Limits = field(default_factory=Limits)
    token: bytes | None = None
    page: bytes | None = None


def serve(
    models: Mapping[str, ServedModel],
    listening: socket.socket,
    settings: Settings,
    on_ready: Callable[[], None] = lambda: None,
) -> None:
    """Serve until SIGTERM or Ctrl-C, and end once everything that was accepted is answered.

    After SIGTERM health says no, and for `grace` seconds more requests are taken, each on a connection that ends with
    it; a second signal, or Ctrl-C, leaves that time out.

    Args:
        models: by name.
        listening: see `open_socket`; it is closed.
        settings: see there.
        on_ready: called once requests are taken.

    Raises:
        BadInput: processes can't be started.
    """
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL + 1)  # it would print tracebacks
    config = uvicorn.Config("", timeout_graceful_shutdown=PATIENCE, limit_concurrency=CONNECTIONS, **HTTP)
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(_serve(models, listening, settings, config, on_ready))


async def _serve(
    models: Mapping[str, ServedModel],
    listening: socket.socket,
    settings: Settings,
    config: uvicorn.Config,
    on_ready: Callable[[], None],
) -> None:
    limits = settings.limits
    threads = limits.threads or available_cpus()
    admission, log = Admission(limits), AccessLog()
    metrics, decoders = Metrics(admission), Decoders(threads)
    at_once = max(1, threads - 1)  # the event loop takes one
    running = {
        model.name: ModelProcesses(model.artifact, model.runtime, max(1, at_once // len(models)))
        for model in models.values()
    }
    batches = {
        name: Model(each.run, chunk_of(models[name].metadata.input.shape, BATCH), metrics.batch.labels(name).observe)
        for name, each in running.items()
    }
    batcher = Batcher(batches, AHEAD * at_once, limits.wait)
    service = Service(models, limits, admission, batcher, decoders, metrics, settings.page)
    app = App(addresses(service), metrics, log, settings.token)
    config.app = app
    try:
        await asyncio.gather(decoders.start(), *(each.start() for each in running.values()))
        await _Server(config, service, app, on_ready).serve([listening])
    finally:
        decoders.close()
        for each in running.values():
            await each.close()
        log.flush()
        listening.close()


class _Server(uvicorn.Server):
    """uvicorn's, whose end begins with health."""

    def __init__(self, config: uvicorn.Config, service: Service, app: App, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._service, self._app, self._on_ready = service, app, on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        gc.freeze()  # what is there now stays to the end
        self._on_ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        is_first = not self._service.is_draining
        self._service.is_draining = self._app.is_draining = True
        if is_first and sig == signal.SIGTERM:
            loop = asyncio.get_event_loop()
            loop.call_soon_threadsafe(loop.call_later, self._service.limits.grace, self._stop)
        else:
            self._stop()

    def _stop(self) -> None:
        self.should_exit = True
