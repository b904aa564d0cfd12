"""One file a command; each imports only click until it is called."""

from pathlib import Path

import click

dataset = click.option(
    "--dataset",
    metavar="NAME|FOLDER",
    help="mnist, fashion-mnist, kmnist, digits (needs no download), or a folder of IDX files or of pictures, "
    "one subfolder a class.",
)
data_dir = click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    help="The folder that holds MNIST/raw; else MNISTX_DATA, the cache, a download.",
)
as_json = click.option("--json", "as_json", is_flag=True, help="JSON Lines on standard output, one object a line.")
