"""mnistx train"""

from pathlib import Path
from typing import Any

import click

from mnistx_runtime.commands import Number, as_json
from mnistx_train.commands import channels, data_dir, dataset, name_sides, recipe, size


@click.command()
@dataset
@data_dir
@size
@channels
@recipe
@click.option(
    "--network",
    metavar="NAME|FILE.py:FACTORY",
    help="What to train: report, third-convolution, wider-filters, large, or a network of your own. FACTORY is called "
    "with the number of classes, and the input's spec if it has a parameter of that name; it returns a torch.nn.Module "
    "from normalized images (N, C, H, W) to logits or log-probabilities. FILE.py is run.  [default: report]",
)
@click.option("--epochs", type=click.IntRange(min=1), help="The default comes from the recipe.")
@click.option("--batch-size", type=click.IntRange(min=1), help="The default comes from the recipe.")
@click.option(
    "--lr",
    type=Number(0, 100, min_open=True),
    help="Learning rate; the default comes from the recipe.",
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
def train(out: Path | None, resume: bool, tensorboard: bool, as_json: bool, **asked: Any) -> None:
    """Train a network and report how good it is.

    Writes a run folder: the checkpoint model.safetensors, metrics.json, report.html and its figures, and run.json,
    which says how to repeat it. A run that was stopped, however hard, goes on with --resume and ends with the same
    weights, bit for bit, as if it had not been.
    """
    from mnistx_train.job import configure
    from mnistx_train.reporting.terminal import Terminal
    from mnistx_train.run import run
    from mnistx_train.training.parallel import processes

    data_dir = asked.pop("data_dir")
    asked |= name_sides(asked.pop("size"), asked.pop("channels"))
    with processes() as group:
        job = configure({name: value for name, value in asked.items() if value is not None}, out, resume, group)
        run(job, data_dir, tensorboard, Terminal(as_json), group)
