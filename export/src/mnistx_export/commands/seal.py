"""mnistx seal"""

from pathlib import Path
from typing import Any

import click

from mnistx_runtime.commands import allow_foreign, as_json, print_json, say


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "--spec", type=click.Path(path_type=Path), required=True, help="A TOML that says what it takes and gives."
)
@click.option("--out", type=click.Path(path_type=Path), help="The file to write; MODEL-sealed.onnx without it.")
@click.option(
    "--golden-from", type=click.Path(path_type=Path), help="Pictures that may travel inside it, for its certificate."
)
@allow_foreign
@as_json
def seal(model: Path, spec: Path, out: Path | None, as_json: bool, **asked: Any) -> None:
    """Give an ONNX file of any origin metadata and a certificate.

    Then predict, verify and benchmark serve MODEL. The spec needs classes, output and [input]; the normalization is put
    in front of the graph, so the spec says what the file takes. The certificate holds the file's own answers under ONNX
    Runtime, and says so: nobody compared them with a trained module's. What holds loops, branches or functions of its
    own is sealed with --allow-foreign, and needs it wherever it is run.
    """
    from mnistx_export.sealing import foreign_reason, seal_onnx
    from mnistx_export.spec_file import read_spec
    from mnistx_runtime.errors import BadInput

    written = out or model.with_name(f"{model.stem}-sealed.onnx")
    if written.exists() and written.resolve() == model.resolve():
        raise BadInput(f"{written} is the model itself; name another --out")
    found = seal_onnx(model, read_spec(spec, with_network=False), written, asked["golden_from"], asked["allow_foreign"])
    if asked["allow_foreign"] and (reason := foreign_reason(written)):
        say(reason, err=True)
    if as_json:
        print_json(found.to_dict())
    else:
        say(*found.lines())
