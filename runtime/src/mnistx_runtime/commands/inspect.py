"""mnistx inspect"""

from pathlib import Path

import click

from mnistx_runtime.commands import as_json, print_json


@click.command()
@click.argument("artifact", required=False, type=click.Path(path_type=Path))
@as_json
def inspect(artifact: Path | None, as_json: bool) -> None:
    """Show what a model says of itself.

    Without ARTIFACT the bundled model.
    """
    import hashlib

    from mnistx_runtime.artifact.metadata import Metadata
    from mnistx_runtime.backends import backend, runtime_of
    from mnistx_runtime.predictor import BUNDLED

    path = artifact or BUNDLED
    runtime = runtime_of(path)
    session = backend(runtime).load(path, threads=1)
    data = path.read_bytes()
    values = {
        "source": str(path),
        "runtime": runtime,
        "size": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        **Metadata.from_props(session.props, str(path)).to_dict(),
    }
    if as_json:
        print_json(values)
        return
    width = max(map(len, values))
    for name, value in values.items():
        text = ", ".join(map(str, value)) if isinstance(value, list) else value
        if isinstance(value, dict):
            text = ", ".join(f"{key} {inner}" for key, inner in value.items())
        click.echo(f"{name:<{width}}  {text}")
