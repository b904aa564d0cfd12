"""mnistx spec"""

from pathlib import Path

import click

from mnistx_runtime.commands import say


@click.group()
def spec() -> None:
    """Describe a network of your own."""


@spec.command()
@click.argument("path", type=click.Path(path_type=Path), default=Path("spec.toml"))
def init(path: Path) -> None:
    """Write a spec to fill in, with what each line means.

    PATH is spec.toml without it; a file that exists is left as it is.
    """
    from mnistx_export.spec_file import TEMPLATE
    from mnistx_runtime.errors import BadInput
    from mnistx_runtime.system.files import write_whole

    if path.exists():
        raise BadInput(f"{path} exists; name another file")
    if path.suffix != ".toml":
        raise BadInput(f"{path}: a spec ends in .toml")
    write_whole(path, TEMPLATE.encode())
    say(f"{path}: fill it in, then: mnistx export --spec {path} --format onnx")
