"""One file a command; each imports only click until it is called."""

import click

network = click.option(
    "--network",
    metavar="FILE.py:FACTORY",
    help="Of a checkpoint of a network of your own: its file, which is run.",
)
