"""mnistx verify"""

from pathlib import Path
from typing import NoReturn

import click

from mnistx_runtime.commands import as_json, one_line, print_json


@click.command()
@click.argument("artifacts", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="ARTIFACT...")
@click.option(
    "--against", type=click.Path(path_type=Path), help="Compare with this checkpoint, too; needs mnistx-export."
)
@click.option("--data-dir", type=click.Path(path_type=Path), help="With --against: where the data set lies.")
@click.option("--atol", type=click.FloatRange(0, min_open=True), help="With --against: the tolerance.")
@click.option("--layers", is_flag=True, help="With --against: find the first layer that differs (.onnx, .torchscript).")
@click.option("--report", type=click.Path(path_type=Path), help="With --against: write an .html or .json report.")
@as_json
def verify(
    artifacts: tuple[Path, ...],
    against: Path | None,
    data_dir: Path | None,
    atol: float | None,
    layers: bool,
    report: Path | None,
    as_json: bool,
) -> None:
    """Check that a file still is the trained model.

    No torch is needed: each ARTIFACT answers the golden images that it carries, one at a time and all at once; the
    answers are compared with the trained model's, and its weights with their digest. With --against, on a workstation,
    it also answers all test images, images that no one draws, batches of awkward sizes, and the images that a search
    finds to differ most; an .onnx file may then be of any origin. Exit code 0: all are the trained model; 1: one is
    not; 2: one can't be read.
    """
    from mnistx_runtime.errors import BadInput, MnistxError
    from mnistx_runtime.verification import verify as verify_artifact

    if against is not None:
        _compare(artifacts, against, data_dir, atol, layers, report, as_json)
    if data_dir or atol or layers or report:
        raise BadInput("--data-dir, --atol, --layers and --report compare with a checkpoint; name it with --against")
    worst = 0
    for path in artifacts:
        try:
            found = verify_artifact(path)
        except (MnistxError, OSError) as error:
            code = getattr(error, "exit_code", 2)
            worst = max(worst, code)
            if as_json:
                print_json({"source": str(path), "error": one_line(error), "exit_code": code})
            click.echo(f"Error: {one_line(error)}", err=True)
            continue
        worst = max(worst, 0 if found.passed else 1)
        if as_json:
            print_json(found.to_dict())
        else:
            verdict = "is the trained model" if found.passed else "IS NOT THE TRAINED MODEL"
            click.echo(f"{path}: {verdict} ({found.runtime})")
            click.echo(f"  golden images: {found.parity}")
            click.echo(f"  weights: {found.weights}, metadata: {found.metadata}")
    click.get_current_context().exit(worst)


def _compare(
    artifacts: tuple[Path, ...],
    against: Path,
    data_dir: Path | None,
    atol: float | None,
    layers: bool,
    report: Path | None,
    as_json: bool,
) -> NoReturn:
    """Compare with a checkpoint, by the package that can, and end the command."""
    from importlib.metadata import entry_points

    from mnistx_runtime.errors import BackendUnavailable, BadInput

    entry = next(iter(entry_points(group="mnistx.verify")), None)
    if entry is None:
        raise BackendUnavailable("--against needs mnistx-export; in a checkout of mnistx: pip install ./train ./export")
    if report is not None and report.suffix not in (".html", ".json"):
        raise BadInput(f"{report}: a report ends in .html or .json")
    compare, write_report = entry.load()
    found, worst = [], 0
    for path in artifacts:
        try:
            each = compare(path, against, data_dir, atol, layers)
        except Exception as error:
            code = getattr(error, "exit_code", 2 if isinstance(error, OSError) else None)
            if code is None:
                raise
            worst = max(worst, code)
            if as_json:
                print_json({"source": str(path), "error": one_line(error), "exit_code": code})
            click.echo(f"Error: {one_line(error)}", err=True)
            continue
        worst = max(worst, 0 if each.passed else 1)
        found.append(each)
        if as_json:
            print_json(each.to_dict())
        else:
            click.echo("\n".join(each.lines()))
    if report is not None and found:
        write_report(report, found)
    click.get_current_context().exit(worst)
