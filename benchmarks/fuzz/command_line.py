"""Arguments of every command, one a line. Those that only look are run, in a folder with a picture and a model."""

import os
import shutil
from pathlib import Path

import click
from click.testing import CliRunner

from fuzz.pictures import drawn
from fuzz.target import Target, folder_of
from mnistx_runtime import cli
from mnistx_runtime.bundled import BUNDLED

_RUN = ("predict", "inspect", "runtimes")
_LINES = (
    "predict a.png",
    "predict a.png a.png --many --json --top-k 3 --threads 1",
    "predict - --min-confidence 0.9 --runtime ort",
    "predict a.png --out a.csv --resume",
    "predict a.png --explain e.png --show --model m.onnx",
    "inspect m.onnx --json",
    "runtimes --json",
    "verify m.onnx --json",
    "train --dataset digits --size 40x48 --channels 3 --recipe fast --network report --epochs 3 --lr 0.1",
    "train --seed 3 --device cpu --out run --tensorboard --resume --json --data-dir d",
    "export --format onnx --format all --checkpoint c --opset 20 --out o --atol 0.1 --max-drop 5",
    "export --spec s.toml --golden-from g --network n.py:f --json",
    "compare m.onnx --against c --layers --report r.html --atol 1e-4",
    "seal m.onnx --spec s.toml --out o.onnx",
    "spec init s.toml",
    "evaluate m.onnx folder --runtime ort --dataset digits --out o",
    "data stats --dataset digits --size 8 --json",
    "data show --recipe best --seed 0 --out x.png",
    "benchmark m.onnx --runtimes ort --figure f.png --pick latency --assert b.json --json",
    "--version",
    "-h",
)


def _read(data: bytes) -> None:
    text = data.replace(b"\0", b"").replace(b"/", b"").replace(b"..", b"").decode(errors="surrogateescape")
    args = text.split("\n")
    with folder_of({}) as folder:
        drawn().save(folder / "a.png")
        shutil.copy(BUNDLED, folder / "m.onnx")
        before = Path.cwd()
        os.chdir(folder)
        try:
            _run(args)
        finally:
            os.chdir(before)
            for path in sorted(folder.rglob("*"), reverse=True):
                assert ".mnistx-" not in path.name, path
                path.rmdir() if path.is_dir() else path.unlink()


def _run(args: list[str]) -> None:
    if args[0] in _RUN and not any("torch" in arg or arg in ("-", ".", "~") for arg in args[1:]):
        done = CliRunner().invoke(cli.main, args, prog_name="mnistx")
        assert done.exit_code in (0, 1, 2), (done.exit_code, done.output)
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return
    context = click.Context(cli.main, info_name="mnistx")
    command = cli.main.get_command(context, args[0]) if args[0] else None
    while command is not None:
        rest = args[1:]
        try:
            inner = command.make_context(args[0], rest, parent=context, resilient_parsing=False)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            return
        args = [*inner._protected_args, *inner.args]
        command = command.get_command(inner, args[0]) if isinstance(command, click.Group) and args else None
        context = inner


def seeds() -> list[bytes]:
    """A call of each command."""
    return [line.replace(" ", "\n").encode() for line in _LINES]


COMMAND_LINE = Target(seeds, _read)
