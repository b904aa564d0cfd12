"""mnistx data"""

import json
from pathlib import Path

import click

from mnistx_train.commands import as_json, data_dir, dataset


@click.group()
def data() -> None:
    """Look at a data set."""


@data.command()
@dataset
@data_dir
@as_json
def stats(dataset: str | None, data_dir: Path | None, as_json: bool) -> None:
    """Mean, standard deviation and balance of the classes."""
    from mnistx_train.datasets import source
    from mnistx_train.stats import class_balance, pixel_stats

    origin = source("mnist" if dataset is None else dataset, data_dir)
    for part, train in (("training", True), ("test", False)):
        split = origin.read(train)
        found = pixel_stats(split.images)
        balance = dict(zip(origin.names, class_balance(split.labels, len(origin.names)), strict=True))
        if as_json:
            values = {
                "dataset": origin.name,
                "part": part,
                "images": found.count,
                "mean": found.mean,
                "std": found.std,
            }
            click.echo(json.dumps(values | {"classes": balance}, ensure_ascii=False))
        else:
            click.echo(f"{origin.name}, {part}: {found.count:,} images, mean {found.mean:.4f}, std {found.std:.4f}")
            for name, count in balance.items():
                click.echo(f"  {name:<12} {count:>6,}  {count / found.count:.2%}")


@data.command()
@dataset
@data_dir
@click.option("--recipe", default="report", show_default=True, help="Whose augmentation to show.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, help="Which images.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The PNG file to write.")
def show(dataset: str | None, data_dir: Path | None, recipe: str, seed: int, out: Path) -> None:
    """Draw a labelled batch of training images, before and after augmentation."""
    import numpy as np
    import torch

    from mnistx_train import figures
    from mnistx_train.datasets import source, training_data
    from mnistx_runtime.files import write_whole
    from mnistx_train.recipes import recipe as recipe_named

    chosen = recipe_named(recipe)
    origin = source("mnist" if dataset is None else dataset, data_dir)
    found = training_data(origin)
    torch.manual_seed(seed)
    order = torch.randperm(len(found.training))[:32]
    before = found.training.at(order.numpy())
    images, labels = next(chosen.batches(found, order, len(order)))
    after = ((images[:, 0].numpy() * found.std + found.mean) * 255).round().clip(0, 255).astype(np.uint8)
    titles = [origin.names[label] for label in labels.tolist()]
    write_whole(out, figures.before_and_after(list(before.images), list(after), titles))
    click.echo(f"{out}: {len(titles)} training images of {origin.name}, augmented by recipe {chosen.name}")
