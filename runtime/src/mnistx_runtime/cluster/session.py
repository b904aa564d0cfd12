"""Ray for the time of a command: a cluster that runs already, or one on this machine that ends with the command.

Nothing is reported to Ray's makers, no dashboard is started, and what Ray tells stays in its own log files, but
that it lost a machine.
"""

import logging
import os
import secrets
import signal
import socket
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from mnistx_runtime.errors import BackendUnavailable, BadInput, describe_error
from mnistx_runtime.registry import missing
from mnistx_runtime.system.quiet import quiet_library

OBJECT_STORE = 256 << 20
"""Bytes of memory for what waits between the processes of one machine; Ray would take a third of all."""

SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",  # else `uv run mnistx` uploads the current folder
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # else Ray warns that this will be its default
    "RAY_worker_niceness": "0",  # else workers give way to all else, which on a busy machine is to wait for ever
    "RAY_BACKEND_LOG_LEVEL": "fatal",  # what else would go to the terminal
}
"""What Ray's processes, and those who ask them, find in their environment."""

_ATTEMPTS = 4  # Ray gives its processes 30 s to start, which on a busy machine is too little
_PATIENCE = 10.0  # seconds for a machine to answer
_SHORT = "/tmp"  # Ray's sockets lie in the folder, and their names may have some hundred letters


def require_ray() -> None:
    """Check that Ray is installed; nothing is imported.

    Raises:
        BackendUnavailable: it isn't; the text holds the line that installs it.
    """
    reason = missing("ray", "ray", "pyarrow", "pandas")
    if reason:
        raise BackendUnavailable(reason)


@contextmanager
def ray_session(cpus: int) -> Iterator[None]:
    """Connect to the cluster that RAY_ADDRESS names; without it, start one here, and end it afterwards.

    Args:
        cpus: of this machine, that a cluster started here may use.

    Raises:
        BackendUnavailable: Ray isn't installed.
        BadInput: no cluster answers there, or none can be started.
    """
    require_ray()
    address = os.environ.get("RAY_ADDRESS")
    with ExitStack() as stack:
        stack.enter_context(_settings(SETTINGS if address else SETTINGS | _own_token()))
        import ray

        _hush()
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        try:
            if address:
                _require_answer(address)
                _connect(address)
            else:
                _start(cpus, stack)
        except Exception as error:
            where = f"no Ray cluster can be reached at RAY_ADDRESS={address}" if address else "can't start Ray here"
            raise BadInput(f"{where}: {describe_error(error)}") from error
        try:
            yield
        finally:
            ray.shutdown()


def granted_cpus() -> int:
    """The CPUs that Ray gave to the actor which asks, at least 1."""
    import ray

    return max(1, int(ray.get_runtime_context().get_assigned_resources().get("CPU", 1)))


def _require_answer(address: str) -> None:
    """Raise OSError where nobody listens at HOST:PORT, for which Ray itself would wait for minutes."""
    host, _, port = address.rpartition(":")
    if host and port.isdecimal() and "/" not in host:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_PATIENCE).close()


def _connect(address: str, **options: Any) -> None:
    import ray

    with _kept_handlers(), quiet_library():  # Ray's core says on the terminal how much it will say
        ray.init(address, logging_level=logging.CRITICAL, log_to_driver=False, **options)


def _start(cpus: int, stack: ExitStack) -> None:
    """Start a cluster of this machine alone, whose files go away with it."""
    import ray

    short = _SHORT if Path(_SHORT).is_dir() else None
    for attempt in range(1, _ATTEMPTS + 1):
        folder = tempfile.TemporaryDirectory(prefix="mnistx-", dir=short, ignore_cleanup_errors=True)
        place = stack.enter_context(folder)
        try:
            _connect("local", num_cpus=cpus, include_dashboard=False, object_store_memory=OBJECT_STORE, _temp_dir=place)
            return
        except Exception:
            ray.shutdown()
            if attempt == _ATTEMPTS:
                raise


@cache
def _own_token() -> dict[str, str]:
    """A token that the processes of a cluster ask each other for: one for this process, as Ray reads it once. Left to
    itself, Ray keeps one in the home folder.
    """
    return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}


@contextmanager
def _settings(values: Mapping[str, str]) -> Iterator[None]:
    kept = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:  # Ray itself adds some
        os.environ.clear()
        os.environ.update(kept)


@contextmanager
def _kept_handlers() -> Iterator[None]:
    """Leave SIGTERM as it was: Ray answers it in its own way from then on."""
    kept = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, kept)


def _hush() -> None:
    """Keep what Ray's libraries log from the terminal."""
    import ray.data  # noqa: F401  # which sets its logging up as it is imported

    for name in ("ray", "ray.data"):
        logger = logging.getLogger(name)
        logger.handlers[:] = [each for each in logger.handlers if not isinstance(each, logging.StreamHandler)]
        logger.addHandler(logging.NullHandler())
        logger.propagate = False
