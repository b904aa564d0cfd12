"""mnistx export"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mnistx_export.commands import network
from mnistx_export.formats import FORMATS, TARGETS
from mnistx_runtime.commands import Number, as_json, one_line, print_json, say
from mnistx_train.commands import data_dir

if TYPE_CHECKING:
    from mnistx_export.model import Model

ALL = "all"


@click.command()
@click.option(
    "--format",
    "names",
    required=True,
    multiple=True,
    help=f"{', '.join(FORMATS)}; may be repeated; all for all that can be written here.",
)
@click.option(
    "--checkpoint",
    type=click.Path(path_type=Path),
    help="A file or run folder; without it the last finished run, else the released one.",
)
@network
@click.option(
    "--spec", type=click.Path(path_type=Path), help="A TOML that describes a network of your own: mnistx spec init."
)
@click.option(
    "--golden-from",
    type=click.Path(path_type=Path),
    help="With --spec: pictures that may travel inside every artifact, for its certificate.",
)
@click.option("--opset", type=int, help="ONNX operator set, 18 to 24.  [default: 20]")
@click.option(
    "--out", type=click.Path(path_type=Path), help="A file or a folder; beside the checkpoint or spec without it."
)
@click.option(
    "--atol",
    type=Number(0, min_open=True),
    help="The largest difference of log-probabilities that passes; each format's own without it, 1e-4 for float32.",
)
@click.option(
    "--max-drop",
    type=Number(0, 100),
    default=0.05,
    show_default=True,
    help="Points of accuracy on the validation images that int8 may lose.",
)
@click.option(
    "--target",
    type=click.Choice(list(TARGETS)),
    default=next(iter(TARGETS)),
    show_default=True,
    help="Of c and c-int8, what the code is for.",
)
@click.option("--module", is_flag=True, help="With web: beside the page mnistx.js, an ES module, and its types.")
@click.option(
    "--build",
    multiple=True,
    metavar="TRIPLE",
    help="Of c and c-int8, a machine that a shared library is built for, such as aarch64-linux-gnu; may be repeated.",
)
@data_dir
@as_json
def export(names: tuple[str, ...], out: Path | None, as_json: bool, **asked: Any) -> None:
    """Write a trained model for deployment, verified.

    The artifact is compared with PyTorch, in float32 and in float64, on all test images (on its golden images only
    where there are none at hand), as it will be deployed, before it is kept. What is not the trained model isn't
    left on disk, and the exit code is 1; so is int8 that loses accuracy, or is neither smaller nor faster.
    """
    from mnistx_export.defaults import artifact_path, checkpoint_path
    from mnistx_export.exporter import Settings, check_target
    from mnistx_export.exporter import export as export_model
    from mnistx_export.format_results import HEADER, draw_changed, format_lines, format_row
    from mnistx_export.formats.base import format_named
    from mnistx_export.web.module import require_own_module, write_module
    from mnistx_runtime.artifact import c_folder
    from mnistx_runtime.artifact.web_page import SUFFIX
    from mnistx_runtime.errors import BackendUnavailable, BadInput

    targets = [format_named(name) for name in (FORMATS if ALL in names else dict.fromkeys(names))]
    settings = Settings(asked["opset"], asked["atol"], asked["max_drop"], asked["target"], asked["build"])
    source = asked["spec"] or checkpoint_path(asked["checkpoint"])
    paths = {target.name: artifact_path(source, out, target) for target in targets}
    if len(set(paths.values())) < len(paths):
        raise BadInput(f"{out}: several formats need a folder, not a file")
    if asked["build"] and not any(target.suffix == c_folder.SUFFIX for target in targets):
        raise BadInput("--build is for c and c-int8: other formats hold no code")
    if len(targets) == 1:
        check_target(targets[0], paths[targets[0].name], settings)
    pages = [target.name for target in targets if target.suffix == SUFFIX]
    if asked["module"] and len(pages) != 1:
        raise BadInput("--module goes with one page: --format web or --format web-fp32")
    if asked["module"]:
        require_own_module(paths[pages[0]])
    model = _model(source, asked, any(target.baseline for target in targets))
    worst = 0
    if len(targets) > 1 and not as_json:
        say(HEADER)
    for target in targets:
        try:
            found = export_model(model, target, paths[target.name], settings)
        except Exception as error:  # what a format can't carry must not stop the formats after it
            code = getattr(error, "exit_code", None)
            if len(targets) == 1 or code is None:
                raise
            absent = ALL in names and isinstance(error, BackendUnavailable | BadInput)
            worst = max(worst, 0 if absent else code)
            if as_json:
                print_json({"format": target.name, "error": one_line(error), "exit_code": code})
            else:
                say(f"{target.name:<12} {one_line(error)}")
            continue
        draw_changed(source.parent, found, model)
        if asked["module"] and target.name in pages:
            write_module(found.path)
        if as_json:
            print_json(found.to_dict())
        else:
            say(*(format_lines(found) if len(targets) == 1 else [format_row(found)]))
    click.get_current_context().exit(worst)


def _model(source: Path, asked: dict[str, Any], with_training: bool) -> "Model":
    """What is exported: of a checkpoint, or of a spec."""
    from mnistx_runtime.errors import BadInput

    if asked["spec"]:
        from mnistx_export.spec_file import read_spec
        from mnistx_export.spec_model import model_from_spec

        if asked["checkpoint"] or asked["data_dir"]:
            raise BadInput("--spec names its own weights and pictures; leave --checkpoint and --data-dir out")
        model = model_from_spec(read_spec(source), asked["golden_from"])
        if model.test is None:
            say("verified on golden images only: the spec names no pictures under [data]", err=True)
        return model
    from mnistx_export.checkpoint_model import model_with_data

    if asked["golden_from"]:
        raise BadInput("--golden-from goes with --spec")
    model, missing = model_with_data(source, asked["data_dir"], with_training, asked["network"])
    say(f"checkpoint {source}: {model.metadata.description}", err=True)
    if missing:
        say(f"verified on golden images only: {missing}", err=True)
    return model
