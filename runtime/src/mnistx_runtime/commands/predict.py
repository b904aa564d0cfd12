"""mnistx predict"""

import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mnistx_runtime.commands import as_json, print_json

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
        except MnistxError as error:
            worst = max(worst, error.exit_code)
            text = str(error) if name != "-" and name in str(error) else f"{name}: {error}"
            if as_json:
                print_json({"source": name, "error": text, "exit_code": error.exit_code})
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

    file = io.BytesIO()
    figure.save(file, "PNG")
    try:
        path.write_bytes(file.getvalue())
    except OSError as error:
        raise BadInput(f"can't write {path}: {error.strerror}") from error


def _source(name: str) -> bytes | Path:
    """The bytes of standard input, or a path; a folder that is left at this point holds no picture."""
    from mnistx_runtime.errors import BadInput

    if name == "-":
        return sys.stdin.buffer.read()
    if Path(name).is_dir():
        raise BadInput(f"{name}: no picture in this folder")
    return Path(name)


def _named(pictures: tuple[str, ...]) -> Iterator[str]:
    """The names given, each folder replaced by the pictures in it; an empty folder stays, to be complained of."""
    from mnistx_runtime.pictures import SUFFIXES

    for name in pictures:
        path = Path(name)
        if name != "-" and path.is_dir():
            inside = sorted(str(p) for p in path.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
            yield from inside or [name]
        else:
            yield name
