"""One file a command; each imports only click until it is called."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol, TypeVar

import click

as_json = click.option("--json", "as_json", is_flag=True, help="JSON Lines on standard output, one object a line.")
"""The option that every command with a result has."""

allow_foreign = click.option(
    "--allow-foreign", is_flag=True, help="Run operators no classifier needs, such as loops: you trust the file."
)
"""The option of commands that load a model which somebody else may have made."""

engine = click.option(
    "--engine", type=click.Choice(["ray"]), help="Answer on the Ray cluster at RAY_ADDRESS, else on one started here."
)
"""The option of commands that may answer on other machines, too."""


def one_line(error: Exception) -> str:
    """What to tell a person of an error; of the system's errors, the file and what is wrong with it."""
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    from mnistx_runtime.errors import describe_error

    return describe_error(error)


def say(*lines: str, err: bool = False) -> None:
    """Print lines; a name or a message in them can neither break a line nor steer the terminal."""
    from mnistx_runtime.escape import escape_controls

    click.echo("\n".join(map(escape_controls, lines)), err=err)


def print_json(values: dict[str, Any]) -> None:
    """One object, one line, on standard output."""
    from mnistx_runtime.json_text import json_text

    click.echo(json_text(values))


class Number(click.FloatRange):
    """A number in a range. Nothing compares with "nan", so that click lets it through, and "inf" is no setting."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """See `click.ParamType.convert`."""
        found: float = super().convert(value, param, ctx)
        if found - found != 0:
            self.fail(f"{value!r} is no finite number", param, ctx)
        return found


class Judged(Protocol):
    """What was found of an artifact."""

    @property
    def passed(self) -> bool:
        """Nothing is wrong with it."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values."""

    def lines(self) -> list[str]:
        """What to tell a person."""


J = TypeVar("J", bound=Judged)


def judge_each(paths: Iterable[Path], judge: Callable[[Path], J], as_json: bool) -> tuple[list[J], int]:
    """Print what is found of each artifact; one that can't be read stops none.

    Args:
        paths: of the artifacts.
        judge: what to find out.
        as_json: print objects instead of text.

    Returns:
        What was found of those that can be read, and the exit code: 0 where all passed, 1 where one didn't, 2 where one
        can't be read.
    """
    from mnistx_runtime.errors import MnistxError

    found, worst = [], 0
    for path in paths:
        try:
            each = judge(path)
        except (MnistxError, OSError) as error:
            code: int = getattr(error, "exit_code", 2)
            worst = max(worst, code)
            if as_json:
                print_json({"source": str(path), "error": one_line(error), "exit_code": code})
            say(f"Error: {one_line(error)}", err=True)
            continue
        found.append(each)
        worst = max(worst, 0 if each.passed else 1)
        if as_json:
            print_json(each.to_dict())
        else:
            say(*each.lines())
    return found, worst
