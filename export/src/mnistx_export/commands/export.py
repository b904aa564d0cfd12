"""mnistx export"""

from pathlib import Path

import click

from mnistx_runtime.commands import as_json, print_json
from mnistx_train.commands import data_dir


@click.command()
@click.option("--format", "format_name", required=True, help="onnx or torchscript.")
@click.option(
    "--checkpoint",
    type=click.Path(path_type=Path),
    help="A file or run folder; without it the last finished run, else the released one.",
)
@click.option("--opset", type=int, help="ONNX operator set, 18 to 24.  [default: 20]")
@click.option("--out", type=click.Path(path_type=Path), help="A file or a folder; beside the checkpoint without it.")
@click.option(
    "--atol",
    type=click.FloatRange(0, 1, min_open=True),
    default=1e-4,
    show_default=True,
    help="The largest difference of log-probabilities that passes.",
)
@data_dir
@as_json
def export(
    format_name: str,
    checkpoint: Path | None,
    opset: int | None,
    out: Path | None,
    atol: float,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Write a trained model for deployment, verified.

    The artifact is compared with PyTorch, in float32 and in float64, on all test images (on its golden images only
    where the data set isn't at hand), as it will be deployed, before it is kept. What is not the trained model isn't
    left on disk, and the exit code is 1.
    """
    from mnistx_export.choose import checkpoint_path, data_source
    from mnistx_export.export import check_target, reference
    from mnistx_export.export import export as export_artifact
    from mnistx_export.formats import DEFAULT_OPSET, Options, format_named
    from mnistx_runtime.errors import BadInput
    from mnistx_train.checkpoint import load_checkpoint
    from mnistx_train.errors import NotAtHand

    target = format_named(format_name)
    if opset is not None and target.name != "onnx":
        raise BadInput(f"--opset is for ONNX; format {target.name} has none")
    options = Options(DEFAULT_OPSET if opset is None else opset)
    source_path = checkpoint_path(checkpoint)
    network, card = load_checkpoint(source_path)
    name = f"{source_path.stem}{target.suffix}"
    path = source_path.with_name(name)
    if out is not None:
        path = out if out.suffix and not out.is_dir() else out / name
    check_target(target, path, options)
    click.echo(f"checkpoint {source_path}: {card.dataset}, {card.recipe} recipe", err=True)
    try:
        test = data_source(source_path, card, data_dir, download=False).read(False)
    except NotAtHand as error:
        if data_dir is not None:
            raise
        click.echo(f"verified on golden images only: {error}", err=True)
        against = None
    else:
        against = reference(network, card, test)
    found = export_artifact(network, card, target, path, atol, options, against)
    if as_json:
        print_json(found.to_dict())
        return
    click.echo(f"{found.path}: {found.format}, {found.size:,} bytes, sha256 {found.sha256}")
    click.echo(f"  {'golden images':<24} {found.golden.parity}")
    for label, parity in (
        ("PyTorch float32", found.float32),
        ("PyTorch float64", found.float64),
        ("(PyTorch 32 beside 64)", found.torch_float64),
    ):
        if parity:
            click.echo(f"  {label:<24} {parity}")
    if found.accuracy is not None:
        click.echo(f"  test accuracy            {found.accuracy:.2%}")
