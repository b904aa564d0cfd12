"""mnistx compare"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mnistx_export.commands import network
from mnistx_runtime.commands import Number, allow_foreign, as_json, judge_each, say
from mnistx_train.commands import data_dir

if TYPE_CHECKING:
    from mnistx_export.compare.comparison import Reference


@click.command()
@click.argument("artifacts", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="ARTIFACT...")
@click.option("--against", type=click.Path(path_type=Path), help="The checkpoint or run folder that it was made of.")
@network
@click.option("--spec", type=click.Path(path_type=Path), help="Instead: the spec of the network that it was made of.")
@click.option("--atol", type=Number(0, min_open=True), help="The tolerance; the certificate's without it.")
@click.option("--layers", is_flag=True, help="Find the first layer that differs (.onnx, .torchscript).")
@click.option("--report", type=click.Path(path_type=Path), help="Write an .html or .json report.")
@data_dir
@allow_foreign
@as_json
def compare(artifacts: tuple[Path, ...], as_json: bool, **asked: Any) -> None:
    """Hold artifacts to the trained model itself.

    Each ARTIFACT answers all test images, images that no one takes, batches of awkward sizes, and the images that a
    search finds to differ most, beside PyTorch in float32 and in float64. An .onnx file may be of any origin; what it
    lacks is told. Exit code 0: all are the trained model; 1: one is not; 2: one can't be read.
    """
    from mnistx_export.compare.comparison import compare_with_model, write_report
    from mnistx_runtime.errors import BadInput

    report = asked["report"]
    if report is not None and report.suffix not in (".html", ".json"):
        raise BadInput(f"{report}: a report ends in .html or .json")
    reference = _reference(asked)
    chosen = {name: asked[name] for name in ("atol", "layers", "allow_foreign")}
    found, worst = judge_each(artifacts, lambda path: compare_with_model(path, reference, **chosen), as_json)
    if report is not None and found:
        write_report(report, found)
    click.get_current_context().exit(worst)


def _reference(asked: dict[str, Any]) -> "Reference":
    """What the artifacts are held to."""
    from mnistx_export.compare.comparison import Reference
    from mnistx_runtime.errors import BadInput

    if (asked["against"] is None) == (asked["spec"] is None):
        raise BadInput("name what to compare with: a checkpoint with --against, or a spec with --spec")
    if asked["spec"]:
        from mnistx_export.spec_file import read_spec
        from mnistx_export.spec_model import model_from_spec

        return Reference(model_from_spec(read_spec(asked["spec"])), str(asked["spec"]))
    from mnistx_export.checkpoint_model import model_with_data
    from mnistx_export.defaults import checkpoint_path

    checkpoint = checkpoint_path(asked["against"])
    model, missing = model_with_data(checkpoint, asked["data_dir"], False, asked["network"])
    if missing:
        say(f"compared on golden images only: {missing}", err=True)
    return Reference(model, str(checkpoint))
