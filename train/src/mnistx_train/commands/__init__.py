"""One file a command; each imports only click until it is called."""

from pathlib import Path

import click

dataset = click.option(
    "--dataset",
    metavar="NAME|FOLDER|FILE",
    help="mnist, fashion-mnist, kmnist, digits (needs no download), a folder of IDX files or of pictures, one "
    "subfolder a class, or a .csv or .npz file.",
)
recipe = click.option("--recipe", help="How to train: report, fast, best or fonts.  [default: report]")
data_dir = click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    help="The folder that the data set lies in, such as MNIST/raw; else MNISTX_DATA, the cache, a download.",
)


def parse_size(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[int, int] | None:  # noqa: ARG001
    """Height and width, from "96" or "40x48".

    >>> parse_size(None, None, "40x48"), parse_size(None, None, "96")
    ((40, 48), (96, 96))
    """
    if value is None:
        return None
    sides = value.lower().split("x")
    whole = all(side.isascii() and side.isdigit() and len(side) < 9 for side in sides)
    if len(sides) > 2 or not whole or not all(8 <= int(side) <= 1024 for side in sides):
        raise click.BadParameter(f"{value!r} is no size; write 96, or 40x48 for height x width, 8 to 1024 pixels each")
    return int(sides[0]), int(sides[-1])


size = click.option(
    "--size",
    metavar="SIDE|HEIGHTxWIDTH",
    callback=parse_size,
    help="Resize a folder's pictures to this many pixels, in colour unless --channels says otherwise. Without --size "
    "and --channels, each is read as one handwritten digit and becomes a grey 28x28 image.",
)
channels = click.option(
    "--channels",
    type=click.Choice(["1", "3"]),
    callback=lambda _ctx, _param, value: value and int(value),
    help="Of a folder's pictures: 1 for grey, 3 for colour; with it alone they are resized to 28x28.",
)


def name_sides(size: tuple[int, int] | None, channels: int | None) -> dict[str, int]:
    """What was asked for of the images, by the names of `Config`.

    >>> name_sides((40, 48), None)
    {'height': 40, 'width': 48}
    """
    sides = dict(zip(("height", "width"), size, strict=True)) if size else {}
    return sides | ({"channels": channels} if channels else {})
