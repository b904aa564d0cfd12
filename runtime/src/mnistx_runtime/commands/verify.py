"""mnistx verify"""

from pathlib import Path

import click

from mnistx_runtime.commands import allow_foreign, as_json, judge_each


@click.command()
@click.argument("artifacts", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="ARTIFACT...")
@click.option("--trust", type=click.Path(path_type=Path), help="A PEM file, or a folder of them: who must have signed.")
@allow_foreign
@as_json
def verify(artifacts: tuple[Path, ...], trust: Path | None, allow_foreign: bool, as_json: bool) -> None:
    """Check that a file still is what was exported.

    No torch is needed: the digests in each ARTIFACT are compared with its graph, weights and metadata; then it answers
    the golden images that it carries, one at a time and all at once, and its answers are compared with the trained
    model's. A file that isn't the one that was exported is not run. `mnistx compare` holds artifacts to the checkpoint
    itself.

    With --trust, or where MNISTX_TRUST names keys, one of them must have signed each ARTIFACT: this is checked first,
    and what isn't signed so is neither parsed nor run. Exit code 0: all match their certificates; 1: one doesn't, or
    isn't signed as asked; 2: one can't be read, or a key.
    """
    from mnistx_runtime.artifact.verification import verify as verify_artifact

    _, worst = judge_each(artifacts, lambda path: verify_artifact(path, trust, allow_foreign), as_json)
    click.get_current_context().exit(worst)
