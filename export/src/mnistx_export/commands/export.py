"""mnistx export"""

from pathlib import Path

import click

from mnistx_runtime.commands import as_json, one_line, print_json
from mnistx_train.commands import data_dir

ALL = "all"


@click.command()
@click.option(
    "--format",
    "names",
    required=True,
    multiple=True,
    help="onnx, onnx-fp16, onnx-int8, ort, torchscript, pt2, openvino, litert, litert-int8, executorch, ncnn, coreml; "
    "may be repeated; all for all that can be written here.",
)
@click.option(
    "--checkpoint",
    type=click.Path(path_type=Path),
    help="A file or run folder; without it the last finished run, else the released one.",
)
@click.option("--opset", type=int, help="ONNX operator set, 18 to 24.  [default: 20]")
@click.option("--out", type=click.Path(path_type=Path), help="A file or a folder; beside the checkpoint without it.")
@click.option(
    "--atol",
    type=click.FloatRange(0, min_open=True),
    help="The largest difference of log-probabilities that passes; each format's own without it, 1e-4 for float32.",
)
@click.option(
    "--max-drop",
    type=click.FloatRange(0, 100),
    default=0.05,
    show_default=True,
    help="Points of accuracy on the validation images that int8 may lose.",
)
@data_dir
@as_json
def export(
    names: tuple[str, ...],
    checkpoint: Path | None,
    opset: int | None,
    out: Path | None,
    atol: float | None,
    max_drop: float,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Write a trained model for deployment, verified.

    The artifact is compared with PyTorch, in float32 and in float64, on all test images (on its golden images only
    where the data set isn't at hand), as it will be deployed, before it is kept. What is not the trained model isn't
    left on disk, and the exit code is 1; so is int8 that loses accuracy, or is neither smaller nor faster.
    """
    from mnistx_export.defaults import artifact_path, checkpoint_path
    from mnistx_export.export import check_target, references
    from mnistx_export.export import export as export_artifact
    from mnistx_export.format_results import HEADER, draw_changed, lines, row
    from mnistx_export.formats import FORMATS, Options, format_named
    from mnistx_runtime.errors import BackendUnavailable, BadInput
    from mnistx_train.checkpoint import load_checkpoint

    targets = [format_named(name) for name in (FORMATS if ALL in names else dict.fromkeys(names))]
    source_path = checkpoint_path(checkpoint)
    network, card = load_checkpoint(source_path)
    paths = {target.name: artifact_path(source_path, out, target) for target in targets}
    if len(set(paths.values())) < len(paths):
        raise BadInput(f"{out}: several formats need a folder, not a file")
    if len(targets) == 1:
        check_target(targets[0], paths[targets[0].name], Options(opset))
    click.echo(f"checkpoint {source_path}: {card.dataset}, {card.recipe} recipe", err=True)
    training, against = references(source_path, network, card, data_dir, any(target.beats for target in targets))
    options = Options(opset, training)
    worst = 0
    if len(targets) > 1 and not as_json:
        click.echo(HEADER)
    for target in targets:
        try:
            found = export_artifact(network, card, target, paths[target.name], atol, options, against, max_drop)
        except Exception as error:  # a converter's own failure too must not stop the formats after it
            if len(targets) == 1:
                raise
            code = getattr(error, "exit_code", 2)
            absent = ALL in names and isinstance(error, BackendUnavailable | BadInput)
            worst = max(worst, 0 if absent else code)
            if as_json:
                print_json({"format": target.name, "error": one_line(error), "exit_code": code})
            else:
                click.echo(f"{target.name:<12} {one_line(error)}")
            continue
        draw_changed(source_path, found, training, against)
        if as_json:
            print_json(found.to_dict())
        else:
            click.echo("\n".join(lines(found)) if len(targets) == 1 else row(found))
    click.get_current_context().exit(worst)
