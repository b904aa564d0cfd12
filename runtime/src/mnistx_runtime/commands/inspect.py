"""mnistx inspect"""

from pathlib import Path
from typing import Any

import click

from mnistx_runtime.commands import as_json, print_json


@click.command()
@click.argument("artifact", required=False, type=click.Path(path_type=Path))
@as_json
def inspect(artifact: Path | None, as_json: bool) -> None:
    """Show what a model says of itself.

    Without ARTIFACT the bundled model. Nothing is run: the metadata is read, and that is all.
    """
    from mnistx_runtime.artifact.container import open_artifact
    from mnistx_runtime.artifact.digests import sha256
    from mnistx_runtime.backends import SUFFIXES
    from mnistx_runtime.predictor import BUNDLED

    path = artifact or BUNDLED
    opened = open_artifact(path)
    digests = {f"{path.stem}{ending}": sha256(data) for ending, data in opened.files.items()}
    certificate = opened.certificate
    values: dict[str, Any] = {
        "source": str(path),
        "runtime": SUFFIXES.get(path.suffix, "none here"),
        "size": sum(map(len, opened.files.values())),
        "sha256": next(iter(digests.values())) if len(digests) == 1 else digests,
        **opened.metadata.to_dict(),
        "certificate": {"images": len(certificate.images), "atol": certificate.tolerance.atol},
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
