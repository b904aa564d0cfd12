"""mnistx predict"""

import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mnistx_runtime.commands import as_json, one_line, print_json

if TYPE_CHECKING:
    from PIL import Image


@click.command()
@click.argument("pictures", nargs=-1, required=True, metavar="PICTURE...")
@click.option("--model", type=click.Path(path_type=Path), help="A model file; the bundled one without it.")
@click.option("--runtime", default="ort", show_default=True, help="What runs the model; see `mnistx runtimes`.")
@click.option("--top-k", type=click.IntRange(min=1), default=1, show_default=True, help="Answers a picture.")
@click.option(
    "--min-confidence",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    help="Refuse to answer below this probability.",
)
@click.option("--explain", type=click.Path(path_type=Path), help="Draw what the model saw into this PNG; one PICTURE.")
@click.option("--show", is_flag=True, help="Draw the 28x28 image that the model reads in the terminal.")
@click.option("--threads", type=click.IntRange(min=1), help="The most CPU threads; all it may use without it.")
@as_json
def predict(
    pictures: tuple[str, ...],
    model: Path | None,
    runtime: str,
    top_k: int,
    min_confidence: float,
    explain: Path | None,
    show: bool,
    threads: int | None,
    as_json: bool,
) -> None:
    """Read the digit in each PICTURE.

    A PICTURE is a file, a folder of pictures, or - for standard input. Every one gets an answer or a line that says
    why not. Exit code 0: all were answered; 1: some were refused, as there is no ink on them, more than one digit,
    or the answer isn't sure enough; 2: some can't be read.
    """
    from mnistx_runtime.errors import BadInput, MnistxError
    from mnistx_runtime.predictor import Predictor

    names = list(_named(pictures))
    if explain and len(names) != 1:
        raise BadInput(f"--explain draws one picture, not {len(names)}")
    predictor = Predictor(model, runtime, threads)
    worst = 0
    for name in names:
        try:
            prepared, answer = predictor.explain(_source(name))
            if explain:
                from mnistx_runtime.explain import explanation

                _write_png(explain, explanation(prepared, answer))
            if show:
                from mnistx_runtime.explain import shaded

                click.echo(shaded(prepared.image), err=as_json)
            answer.require(min_confidence)
        except (MnistxError, OSError) as error:
            code = getattr(error, "exit_code", 2)
            worst = max(worst, code)
            text = one_line(error)
            if not text.startswith(name):
                text = f"{name}: {text}"
            if as_json:
                print_json({"source": name, "error": text, "exit_code": code})
            click.echo(f"Error: {text}", err=True)
            continue
        if as_json:
            print_json(answer.to_dict(top_k) | {"source": name})
        else:
            click.echo(f"{name}: " + ", ".join(f"{label} ({p:.2%})" for label, p in answer.top(top_k)))
    click.get_current_context().exit(worst)


def _write_png(path: Path, figure: "Image.Image") -> None:
    """Write the figure, or nothing."""
    from mnistx_runtime.errors import BadInput

    temporary = path.with_name(f".{path.name}.tmp")
    try:
        figure.save(temporary, "PNG")
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise BadInput(f"can't write {path}: {error.strerror}") from error


def _source(name: str) -> bytes | Path:
    """The bytes of standard input, or a path; a folder that is left at this point holds no picture."""
    from mnistx_runtime.errors import BadInput

    if name == "-" and sys.stdin is None:
        raise BadInput("standard input is closed")
    if name == "-":
        return sys.stdin.buffer.read()
    if _is_folder(name):
        raise BadInput(f"{name}: no picture in this folder")
    return Path(name)


def _is_folder(name: str) -> bool:
    """Whether it is a folder; a name that can't be looked at is none, and is complained of when it is opened."""
    try:
        return Path(name).is_dir()
    except OSError:
        return False


def _named(pictures: tuple[str, ...]) -> Iterator[str]:
    """The names given, each folder replaced by the pictures in it; an empty folder stays, to be complained of."""
    from mnistx_runtime.pictures import SUFFIXES

    for name in pictures:
        if name != "-" and _is_folder(name):
            inside = sorted(str(p) for p in Path(name).rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
            yield from inside or [name]
        else:
            yield name
