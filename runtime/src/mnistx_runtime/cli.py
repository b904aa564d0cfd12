"""The root of the command line. Commands are imported when they are called; listing them imports only click."""

import io
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import click

from mnistx_runtime import __version__
from mnistx_runtime.commands import one_line, say
from mnistx_runtime.system.address_space import require_address_space
from mnistx_runtime.system.signals import exit_on_signals
from mnistx_runtime.system.streams import open_streams, own_process

COMMANDS = {
    "benchmark": "mnistx_runtime.commands.benchmark:benchmark",
    "doctor": "mnistx_runtime.commands.doctor:doctor",
    "inspect": "mnistx_runtime.commands.inspect:inspect",
    "predict": "mnistx_runtime.commands.predict:predict",
    "runtimes": "mnistx_runtime.commands.runtimes:runtimes",
    "serve": "mnistx_runtime.commands.serve:serve",
    "sign": "mnistx_runtime.commands.sign:sign",
    "verify": "mnistx_runtime.commands.verify:verify",
}

_TRAIN, _EXPORT = "pip install ./runtime ./train", "pip install ./runtime ./train ./export"
ELSEWHERE = {
    "compare": _EXPORT,
    "data": _TRAIN,
    "evaluate": _EXPORT,
    "export": _EXPORT,
    "seal": _EXPORT,
    "spec": _EXPORT,
    "train": _TRAIN,
}
"""Commands of the sibling packages, and the line, run in a checkout of mnistx, that installs them."""


_PIPE_CLOSED = 128 + 13
"""What a shell gives of a program whose reader went away (SIGPIPE): neither success nor a failed verification."""


class Root(click.Group):
    """Finds commands in the table above, then in the entry-point group `mnistx.commands`."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run what the arguments ask for, whichever streams are closed; end with 130 or 143 when asked to stop."""
        open_streams()
        for name in ("stdout", "stderr"):
            if getattr(sys, name) is None:
                setattr(sys, name, open(os.devnull, "w"))  # noqa: PTH123, SIM115
        try:
            with exit_on_signals(), own_process(), warnings.catch_warnings():
                warnings.filterwarnings("ignore", module=r"PIL\.")  # what is wrong with a picture has its own line
                return super().main(*args, **kwargs)
        except OSError:  # there's nowhere to say what is wrong
            sys.exit(2)
        finally:
            _drop_unwritten()

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """The commands that are installed."""
        return sorted(COMMANDS.keys() | _installed().keys())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import one command."""
        if cmd_name in COMMANDS:
            module, _, attribute = COMMANDS[cmd_name].partition(":")
            own: click.Command = getattr(import_module(module), attribute)
            return own
        entry = _installed().get(cmd_name)
        if entry is None:
            return None
        command: click.Command = entry.load()
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Say which line installs a command that isn't here, or which one was meant."""
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            if name in ELSEWHERE:
                raise click.UsageError(f"'mnistx {name}' is not installed; in a checkout of mnistx: {ELSEWHERE[name]}")
            from mnistx_runtime.registry import nearest

            raise click.UsageError(
                f"no command {name!r}; {nearest(name, sorted({*self.list_commands(ctx), *ELSEWHERE}))}"
            )
        return super().resolve_command(ctx, args)

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """See `click.Command.make_context`, which prints --help."""
        with _one_line_errors():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        _print_any_name()
        with _one_line_errors():
            require_address_space()
            return super().invoke(ctx)


_HELP: Any = getattr(click.exceptions, "NoArgsIsHelpError", ())
"""What a command without arguments raises to show its help, where click has that."""


@contextmanager
def _one_line_errors() -> Iterator[None]:
    """End with one line and a code where an error carries one, as those of the user do, or is the system's."""
    try:
        yield
    except _HELP:
        raise
    except click.UsageError as error:
        see = f" (see `{error.ctx.command_path} --help`)" if error.ctx else ""
        say(f"Error: {' '.join(error.format_message().split()).removesuffix('.')}{see}", err=True)
        raise click.exceptions.Exit(error.exit_code) from error
    except (click.ClickException, click.exceptions.Exit, click.Abort):
        raise
    except BrokenPipeError:
        raise click.exceptions.Exit(_PIPE_CLOSED) from None
    except Exception as error:
        code = getattr(error, "exit_code", 2 if isinstance(error, OSError | MemoryError | ImportError) else None)
        if code is None:
            raise
        cause = error.__cause__ if isinstance(error, ImportError) else None  # numpy's own text is a page
        where = "can't write to standard output: " if isinstance(error, OSError) and _is_stuck() else ""
        say(f"Error: {where}{one_line(cause if isinstance(cause, Exception) else error)}", err=True)
        raise click.exceptions.Exit(code) from error


def _is_stuck() -> bool:
    """Whether standard output doesn't take what waits for it."""
    try:
        sys.stdout.flush()
    except OSError:
        return True
    return False


def _drop_unwritten() -> None:
    """Lead what a stream doesn't take nowhere: Python tries once more when it ends, and complains."""
    for number, stream in ((1, sys.stdout), (2, sys.stderr)):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), number)


def _print_any_name() -> None:
    """Let standard output take what its encoding lacks, as standard error does: a file's name can be any bytes."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _installed() -> dict[str, Any]:
    from importlib.metadata import entry_points

    return {entry.name: entry for entry in entry_points(group="mnistx.commands")}


@click.group(cls=Root, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="mnistx")
def main() -> None:
    """From a trained image classifier to every CPU-only device, proven at each step."""
