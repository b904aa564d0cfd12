"""mnistx serve"""

from pathlib import Path
from typing import Any

import click

from mnistx_runtime.commands import Number, allow_foreign, say


@click.command()
@click.argument("models", nargs=-1, type=click.Path(path_type=Path), metavar="[MODEL...]")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0 for all.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0 for any that is free.")
@click.option(
    "--token-file",
    type=click.Path(path_type=Path),
    help="Ask for the bearer token in this file; without it, for the one in MNISTX_TOKEN, if that is set.",
)
@click.option(
    "--queue",
    type=click.IntRange(min=1),
    default=256,
    show_default=True,
    help="Requests accepted, not yet answered.",
)
@click.option(
    "--max-body", type=click.IntRange(1, 1024), default=20, show_default=True, help="MiB of a request, at most."
)
@click.option(
    "--grace",
    type=Number(0, 3600),
    default=2.0,
    show_default=True,
    help="Seconds from SIGTERM, in which health says no and requests are still taken.",
)
@click.option("--threads", type=click.IntRange(min=1), help="The most CPUs to use; all it may use without it.")
@allow_foreign
def serve(models: tuple[Path, ...], host: str, port: int, token_file: Path | None, **asked: Any) -> None:
    """Answer over HTTP with each MODEL, or with the bundled one.

    The Open Inference Protocol v2 under /v2, pictures at /predict, numbers for Prometheus at /metrics, all addresses at
    /docs. Every MODEL is verified first. Standard output gets a line of JSON for each request. SIGTERM ends it once all
    that was accepted is answered.
    """
    from mnistx_runtime.errors import BackendUnavailable
    from mnistx_runtime.registry import missing

    reason = missing("serve", "starlette", "uvicorn", "httptools", "python_multipart", "prometheus_client")
    if reason:
        raise BackendUnavailable(reason)
    from mnistx_runtime.serve.auth import read_token
    from mnistx_runtime.serve.limits import Limits
    from mnistx_runtime.serve.models import load_models
    from mnistx_runtime.serve.page import find_page
    from mnistx_runtime.serve.server import Settings, open_socket
    from mnistx_runtime.serve.server import serve as run

    body = asked["max_body"] << 20
    limits = Limits(
        requests=asked["queue"],
        memory=max(Limits.memory, 2 * body),
        body=body,
        grace=asked["grace"],
        threads=asked["threads"],
    )
    settings = Settings(limits, read_token(token_file), find_page(models))
    with open_socket(host, port) as listening:
        loaded = load_models(models, asked["allow_foreign"])
        shown, number = listening.getsockname()[:2]
        address = f"http://{f'[{shown}]' if ':' in shown else shown}:{number}"
        run(loaded, listening, settings, lambda: say(f"serving {', '.join(loaded)} on {address}", err=True))
