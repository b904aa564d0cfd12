"""The process: its socket, its models, its signals, and an end at which nothing accepted is lost."""

import asyncio
import logging
import signal
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import uvicorn

from mnistx_runtime.errors import BadInput
from mnistx_runtime.serve.access_log import AccessLog
from mnistx_runtime.serve.app import Gate
from mnistx_runtime.serve.batching import Batcher, Model
from mnistx_runtime.serve.decoders import Decoders
from mnistx_runtime.serve.endpoints import Service, application
from mnistx_runtime.serve.limits import Admission, Limits
from mnistx_runtime.serve.metrics import Metrics
from mnistx_runtime.serve.models import ServedModel
from mnistx_runtime.system.threads import available_cpus

CONNECTIONS = 1000
"""Open at a time; beyond them uvicorn answers 503."""

PATIENCE = 30
"""Seconds that what is accepted has at the end."""

BATCH = 64  # images that are answered together, at most

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
    admission = Admission(limits)
    metrics = Metrics(admission)
    batcher = Batcher({name: _to_batch(model, metrics) for name, model in models.items()}, threads, limits.wait)
    decoders, log = Decoders(threads), AccessLog()
    service = Service(models, limits, admission, batcher, decoders, metrics, settings.page)
    gate = Gate(application(service), metrics, log, settings.token)
    config.app = gate
    try:
        await decoders.start()
        await _Server(config, service, gate, on_ready).serve([listening])
    finally:
        decoders.close()
        batcher.close()
        log.flush()
        listening.close()


def _to_batch(model: ServedModel, metrics: Metrics) -> Model:
    return Model(model.predictor.log_probs, model.batch_size(BATCH), metrics.batch.labels(model.name).observe)


class _Server(uvicorn.Server):
    """uvicorn's, whose end begins with health."""

    def __init__(self, config: uvicorn.Config, service: Service, gate: Gate, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._service, self._gate, self._on_ready = service, gate, on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        is_first = not self._service.is_draining
        self._service.is_draining = self._gate.is_draining = True
        if is_first and sig == signal.SIGTERM:
            loop = asyncio.get_event_loop()
            loop.call_soon_threadsafe(loop.call_later, self._service.limits.grace, self._stop)
        else:
            self._stop()

    def _stop(self) -> None:
        self.should_exit = True
