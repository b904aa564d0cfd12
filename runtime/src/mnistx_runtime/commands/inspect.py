"""mnistx inspect"""

from pathlib import Path
from typing import Any

import click

from mnistx_runtime.commands import as_json, print_json, say


@click.command()
@click.argument("artifact", required=False, type=click.Path(path_type=Path))
@as_json
def inspect(artifact: Path | None, as_json: bool) -> None:
    """Show what a model says of itself.

    Without ARTIFACT the bundled model. Nothing is run: the metadata is read, and of an .onnx file, of any origin, its
    graph.
    """
    from mnistx_runtime.artifact.container import open_artifact
    from mnistx_runtime.artifact.digests import sha256
    from mnistx_runtime.artifact.metadata import is_ours
    from mnistx_runtime.backends import SUFFIXES
    from mnistx_runtime.bundled import BUNDLED

    path = artifact or BUNDLED
    opened = open_artifact(path)
    digests = {f"{path.stem}{ending}": sha256(data) for ending, data in opened.files.items()}
    values: dict[str, Any] = {
        "source": str(path),
        "runtime": SUFFIXES.get(path.suffix, "none here"),
        "size": sum(map(len, opened.files.values())),
        "sha256": next(iter(digests.values())) if len(digests) == 1 else digests,
    }
    if path.suffix == ".onnx":
        from mnistx_runtime.artifact.onnx_graph import read_graph

        values |= read_graph(opened.files[".onnx"], str(path)).to_dict()
    if path.suffix != ".onnx" or is_ours(opened.props):
        certificate = opened.certificate
        found = opened.metadata.to_dict()
        values |= found | {"requires": found["requires"] or values.get("requires", "")}
        values["certificate"] = {"images": len(certificate.images), "atol": certificate.tolerance.atol}
    elif not as_json:
        say(f"{path} carries no mnistx metadata: `mnistx seal` adds it", err=True)
    if as_json:
        print_json(values)
        return
    width = max(map(len, values))
    for name, value in values.items():
        text = (", ".join(map(str, value)) or "none") if isinstance(value, list) else value
        if isinstance(value, dict):
            text = ", ".join(f"{key} {inner}" for key, inner in value.items())
        say(f"{name:<{width}}  {text}")
