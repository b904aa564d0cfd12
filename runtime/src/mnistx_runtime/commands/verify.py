"""mnistx verify"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

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
    from mnistx_runtime.artifact.verification import verify as verify_artifact
    from mnistx_runtime.errors import BadInput, MnistxError

    if against is None and (data_dir or atol or layers or report):
        raise BadInput("--data-dir, --atol, --layers and --report compare with a checkpoint; name it with --against")
    if report is not None and report.suffix not in (".html", ".json"):
        raise BadInput(f"{report}: a report ends in .html or .json")
    check: Callable[[Path], Any] = verify_artifact
    if against is not None:
        compare, write_report = _workstation()
        check = partial(compare, against=against, data_dir=data_dir, atol=atol, layers=layers)
    found, worst = [], 0
    for path in artifacts:
        try:
            each = check(path)
        except Exception as error:
            code = getattr(error, "exit_code", 2 if isinstance(error, MnistxError | OSError) else None)
            if code is None:
                raise
            worst = max(worst, code)
            if as_json:
                print_json({"source": str(path), "error": one_line(error), "exit_code": code})
            click.echo(f"Error: {one_line(error)}", err=True)
            continue
        found.append(each)
        worst = max(worst, 0 if each.passed else 1)
        if as_json:
            print_json(each.to_dict())
        else:
            click.echo("\n".join(each.lines()))
    if report is not None and found:
        write_report(report, found)
    click.get_current_context().exit(worst)


def _workstation() -> tuple[Callable[..., Any], Callable[..., None]]:
    """What compares with a checkpoint, and what writes the report: mnistx-export brings them."""
    from importlib.metadata import entry_points

    from mnistx_runtime.errors import BackendUnavailable

    entry = next(iter(entry_points(group="mnistx.verify")), None)
    if entry is None:
        raise BackendUnavailable("--against needs mnistx-export; in a checkout of mnistx: pip install ./train ./export")
    found: tuple[Callable[..., Any], Callable[..., None]] = entry.load()
    return found
