"""One file a command; each imports only click until it is called."""

import json
from typing import Any

import click

as_json = click.option("--json", "as_json", is_flag=True, help="JSON Lines on standard output, one object a line.")
"""The option that every command with a result has."""


def one_line(error: Exception) -> str:
    """What to tell a person of an error; of the system's errors, the file and what is wrong with it."""
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split())


def print_json(values: dict[str, Any]) -> None:
    """One object, one line, on standard output."""
    click.echo(json.dumps(values))
