"""mnistx data"""

from pathlib import Path
from typing import Any

import click

from mnistx_runtime.commands import as_json, print_json
from mnistx_train.commands import channels, data_dir, dataset, name_sides, recipe, size


@click.group()
def data() -> None:
    """Look at a data set."""


@data.command()
@dataset
@data_dir
@size
@channels
@as_json
def stats(dataset: str | None, data_dir: Path | None, as_json: bool, **sides: Any) -> None:
    """Mean and standard deviation of each channel's pixels, and balance of the classes."""
    from mnistx_train.datasets import picture_spec, source
    from mnistx_train.datasets.stats import class_balance, pixel_stats

    origin = source("mnist" if dataset is None else dataset, data_dir, spec=picture_spec(**name_sides(**sides)))
    for part, train in (("training", True), ("test", False)):
        split = origin.read(train)
        found = pixel_stats(split.images)
        balance = dict(zip(origin.names, class_balance(split.labels, len(origin.names)), strict=True))
        if as_json:
            values = {"dataset": origin.name, "part": part, "images": found.count, "shape": list(origin.spec.shape)}
            print_json(values | {"mean": list(found.mean), "std": list(found.std), "classes": balance})
        else:
            mean, std = (" ".join(f"{value:.4f}" for value in values) for values in (found.mean, found.std))
            click.echo(f"{origin.name}, {part}: {found.count:,} images, mean {mean}, std {std}")
            for name, count in balance.items():
                click.echo(f"  {name:<12} {count:>6,}  {count / found.count:.2%}")


@data.command()
@dataset
@data_dir
@size
@channels
@recipe
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, help="Which images.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The PNG file to write.")
def show(dataset: str | None, data_dir: Path | None, recipe: str | None, out: Path, **asked: Any) -> None:
    """Draw a labelled batch of training images, before and after augmentation."""
    import numpy as np
    import torch

    from mnistx_runtime.system.files import write_whole
    from mnistx_train.datasets import picture_spec, source, training_data
    from mnistx_train.recipes import DEFAULT
    from mnistx_train.recipes import recipe as recipe_named
    from mnistx_train.reporting import figures

    torch.manual_seed(asked.pop("seed"))
    chosen = recipe_named(recipe or DEFAULT)
    origin = source("mnist" if dataset is None else dataset, data_dir, spec=picture_spec(**name_sides(**asked)))
    chosen.check(origin.spec.shape)
    found = training_data(origin)
    order = torch.randperm(len(found.training))[:32]
    before = found.training.at(order.numpy())
    images, labels = next(chosen.batches(found, order, len(order)))
    mean, std = (np.array(values, np.float32)[:, None, None] for values in (found.spec.mean, found.spec.std))
    after = ((images.numpy() * std + mean) * 255).round().clip(0, 255).astype(np.uint8)
    titles = [origin.names[label] for label in labels[: len(order)].tolist()]
    write_whole(out, figures.before_and_after(list(before.images), list(after[: len(order)]), titles))
    click.echo(f"{out}: {len(titles)} training images of {origin.name}, augmented by recipe {chosen.name}")
