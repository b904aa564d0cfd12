"""mnistx train"""

from pathlib import Path

import click

from mnistx_train.commands import as_json, data_dir, dataset


def _number(ctx: click.Context, param: click.Parameter, value: float | None) -> float | None:  # noqa: ARG001
    if value is not None and value != value:
        raise click.BadParameter("is not a number")
    return value


@click.command()
@dataset
@data_dir
@click.option("--recipe", help="How to train.  [default: report]")
@click.option("--network", help="What to train: the report's network or a variant of it.  [default: report]")
@click.option("--epochs", type=click.IntRange(min=1), help="The recipe's number without it.")
@click.option("--batch-size", type=click.IntRange(min=1), help="The recipe's without it.")
@click.option(
    "--lr",
    type=click.FloatRange(0, 100, min_open=True),
    callback=_number,
    help="Learning rate; the recipe's without it.",
)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), help="Same seed, same machine: same weights.  [default: 0]")
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    help="auto: cuda if there is one.  [default: auto]",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="The run folder; a new one under artifacts/runs without it.",
)
@click.option("--tensorboard", is_flag=True, help="Write event files for TensorBoard into the run folder, too.")
@click.option("--resume", is_flag=True, help="Go on with the last unfinished run, or with the one in --out.")
@as_json
def train(
    dataset: str | None,
    data_dir: Path | None,
    recipe: str | None,
    network: str | None,
    epochs: int | None,
    batch_size: int | None,
    lr: float | None,
    seed: int | None,
    device: str | None,
    out: Path | None,
    tensorboard: bool,
    resume: bool,
    as_json: bool,
) -> None:
    """Train the network and report how good it is.

    Writes a run folder: the checkpoint model.safetensors, metrics.json, report.html and its figures, and run.json,
    which says how to repeat it. A run that was stopped, however hard, goes on with --resume and ends with the same
    weights, bit for bit, as if it had not been.
    """
    from mnistx_train.run import begin, run

    asked = {
        "dataset": dataset,
        "recipe": recipe,
        "network": network,
        "epochs": epochs,
        "batch_size": batch_size,
        "lr": lr,
        "seed": seed,
        "device": device,
    }
    folder, config = begin({name: value for name, value in asked.items() if value is not None}, out, resume)
    run(folder, config, out, data_dir, as_json, tensorboard)
