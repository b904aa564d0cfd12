"""mnistx verify"""

from pathlib import Path

import click

from mnistx_runtime.commands import as_json, one_line, print_json


@click.command()
@click.argument("artifacts", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="ARTIFACT...")
@as_json
def verify(artifacts: tuple[Path, ...], as_json: bool) -> None:
    """Check that a file still is the trained model.

    No torch is needed: each ARTIFACT answers the golden images that it carries, one at a time and all at once; the
    answers are compared with the trained model's, and its weights with their digest. Exit code 0: all are the
    trained model; 1: one is not; 2: one can't be read.
    """
    from mnistx_runtime.errors import MnistxError
    from mnistx_runtime.verification import verify as verify_artifact

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
