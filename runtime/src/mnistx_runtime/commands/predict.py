"""mnistx predict"""

import gc
import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from mnistx_runtime.commands import Number, allow_foreign, as_json, engine, print_json, say

if TYPE_CHECKING:
    from PIL import Image

    from mnistx_runtime.answers import Mode
    from mnistx_runtime.prediction import Prediction, Reading
    from mnistx_runtime.predictor import Predictor
    from mnistx_runtime.records import Records


@click.command()
@click.argument("pictures", nargs=-1, required=True, metavar="PICTURE...")
@click.option("--model", type=click.Path(path_type=Path), help="A model file; the bundled one without it.")
@click.option("--runtime", default="ort", show_default=True, help="What runs the model; see `mnistx runtimes`.")
@click.option("--many", is_flag=True, help="Read all the digits in each PICTURE, line by line.")
@click.option("--top-k", type=click.IntRange(min=1), default=1, show_default=True, help="Answers a digit.")
@click.option(
    "--min-confidence",
    type=Number(0, 1),
    default=0.5,
    show_default=True,
    help="Refuse to answer below this probability.",
)
@click.option("--explain", type=click.Path(path_type=Path), help="Draw what the model saw into this PNG; one PICTURE.")
@click.option("--show", is_flag=True, help="Draw the image that the model reads in the terminal.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Write the answers to this .csv or .jsonl file; of --engine ray, to this folder, as Parquet or, if it ends in "
    ".csv, as CSV.",
)
@click.option("--resume", is_flag=True, help="Go on with the answers in --out.")
@engine
@click.option("--threads", type=click.IntRange(min=1), help="The most CPUs to use; all it may use without it.")
@allow_foreign
@as_json
def predict(pictures: tuple[str, ...], **options: Any) -> None:
    """Tell what each PICTURE shows, or with --many read all of its digits.

    A PICTURE is a file, a folder of pictures, or - for standard input; of --engine ray, a Parquet file with a column of
    paths or of bytes, too. Every one gets an answer or a line that says why not. Exit code 0: all were answered; 1:
    some were refused, as there is nothing on them to read, or the answer isn't sure enough; 2: some can't be read.
    """
    from mnistx_runtime.errors import BadInput
    from mnistx_runtime.picture_names import name_pictures
    from mnistx_runtime.system.threads import available_cpus

    asked = _Asked(**options)
    if asked.engine:
        click.get_current_context().exit(_predict_on_ray(pictures, asked))
    names = list(name_pictures(pictures, lambda note: say(note, err=True)))
    if asked.explain and len(names) != 1:
        raise BadInput(f"--explain draws one picture, not {len(names)}")
    if asked.explain:
        from mnistx_runtime.system.files import require_own_figure

        require_own_figure(asked.explain)
    if asked.resume and asked.out is None:
        raise BadInput("--resume goes on with the answers in a file; name it with --out")
    if asked.out is not None and asked.out.suffix == ".csv" and asked.top_k > 1:
        raise BadInput("a CSV file holds one answer a digit; name a .jsonl file with --out for --top-k")
    predictor = _load_predictor(asked)
    with ExitStack() as stack:
        kept = stack.enter_context(_records(asked, names, predictor)) if asked.out else None
        if kept and len(kept.left) < len(names):
            done = f"{len(names) - len(kept.left):,} of {len(names):,} pictures"
            say(f"{asked.out}: {done} are answered already", err=True)
        names = kept.left if kept else names
        sources = [_source(name) for name in names]
        if asked.explain or asked.show:
            answers: Generator[Any, None, None] = (_explain(predictor, source, asked) for source in sources)
        else:
            answers = predictor.predict_files(sources, asked.many, asked.threads or available_cpus())
        stack.enter_context(closing(answers))
        worst = kept.exit_code if kept else 0
        write = kept.add if kept else (print_json if asked.as_json else None)
        for name, answer in stack.enter_context(_progress(zip(names, answers, strict=True), len(names), kept)):
            worst = max(worst, _report_answer(name, answer, asked, write))
    click.get_current_context().exit(worst)


def _predict_on_ray(names: tuple[str, ...], asked: "_Asked") -> int:
    from mnistx_runtime.cluster.session import require_ray
    from mnistx_runtime.errors import BadInput

    require_ray()
    if asked.out is None or asked.explain or asked.show or asked.top_k > 1:
        raise BadInput("--engine ray writes one answer a digit to the folder of --out, without --explain or --show")
    from mnistx_runtime.cluster.predict import Asked, artifact_of, predict_on_ray

    artifact = artifact_of(asked.model, asked.runtime, asked.allow_foreign)
    return predict_on_ray(names, artifact, asked.runtime, Asked(asked.mode, asked.out, asked.resume, asked.threads))


def _records(asked: "_Asked", names: list[str], predictor: "Predictor") -> AbstractContextManager["Records"]:
    """The file of --out."""
    from mnistx_runtime.answers import made_by
    from mnistx_runtime.records import open_records

    assert asked.out is not None
    return open_records(asked.out, names, made_by(asked.model, predictor.metadata.input, asked.mode), asked.resume)


class _Asked(NamedTuple):
    """The options, as the command line names them."""

    model: Path | None
    runtime: str
    many: bool
    top_k: int
    min_confidence: float
    explain: Path | None
    show: bool
    out: Path | None
    resume: bool
    engine: str | None
    threads: int | None
    allow_foreign: bool
    as_json: bool

    @property
    def mode(self) -> "Mode":
        """What decides what is in an answer."""
        from mnistx_runtime.answers import Mode

        return Mode(self.many, self.top_k, self.min_confidence)


def _load_predictor(asked: _Asked) -> "Predictor":
    """The model, loaded while no garbage is collected: what is imported here stays to the end, and looking through it
    then, too, would take a tenth of the time from start to answer.
    """
    gc.disable()
    try:
        from mnistx_runtime.backends import CRASHING, trusted_model
        from mnistx_runtime.predictor import Predictor

        model = asked.model and trusted_model(asked.model, asked.runtime, asked.allow_foreign)
        return Predictor(model, asked.runtime, asked.threads, isolated=asked.runtime in CRASHING)
    finally:
        gc.freeze()
        gc.enable()


def _report_answer(
    name: str,
    answer: "Prediction | Reading | Exception",
    asked: _Asked,
    write: Callable[[dict[str, Any]], None] | None,
) -> int:
    """Write an answer, or what was wrong, and return the exit code that it stands for."""
    from mnistx_runtime.answers import answer_values

    if isinstance(answer, OSError) and asked.out:
        raise answer  # what the machine lacks is no answer to a picture: with --resume it is answered
    values = answer_values(name, answer, asked.mode)
    if write:
        write(values)
    if "error" in values:
        say(f"Error: {values['error']}", err=True)
        code: int = values["exit_code"]
        return code
    assert not isinstance(answer, Exception)
    if not write and asked.top_k > 1 and not hasattr(answer, "lines"):
        say(f"{name}: " + ", ".join(f"{label} ({p:.2%})" for label, p in answer.top(asked.top_k)))
    elif not write:
        say(f"{name}: {answer}")
    return 0


def _explain(predictor: "Predictor", source: bytes | str, asked: _Asked) -> "Prediction | Reading | Exception":
    """Answer a picture and draw what the model saw."""
    from mnistx_runtime.errors import MnistxError
    from mnistx_runtime.explain import draw_as_text, draw_explanation, draw_explanations

    try:
        if asked.many:
            lines, reading = predictor.explain_many(source)
        else:
            prepared, prediction = predictor.explain(source)
            lines = [[prepared]]
    except (MnistxError, OSError) as error:
        return error
    if asked.explain:
        figure = draw_explanations(lines, reading) if asked.many else draw_explanation(prepared, prediction)
        _write_png(asked.explain, figure)
    if asked.show:
        click.echo("\n\n".join(draw_as_text(digit.image) for line in lines for digit in line), err=asked.as_json)
    return reading if asked.many else prediction


def _progress(
    answers: Iterator[tuple[str, Any]], count: int, write: object
) -> AbstractContextManager[Iterable[tuple[str, Any]]]:
    """The same answers, with a bar on the terminal while they go to a file."""
    if write is None or not sys.stderr.isatty():
        return nullcontext(answers)
    return click.progressbar(answers, count, file=sys.stderr, show_pos=True, show_eta=True)


def _write_png(path: Path, figure: "Image.Image") -> None:
    """Write the figure, or nothing."""
    import io

    from mnistx_runtime.system.files import write_figure

    file = io.BytesIO()
    figure.save(file, "PNG")
    write_figure(path, file.getvalue())


def _source(name: str) -> bytes | str:
    """The bytes of standard input, or the name of a file."""
    from mnistx_runtime.errors import BadInput
    from mnistx_runtime.picture_limits import DEFAULT
    from mnistx_runtime.pictures import read_at_most

    if name == "-" and sys.stdin is None:
        raise BadInput("standard input is closed")
    return read_at_most(sys.stdin.buffer, DEFAULT.memory + 1) if name == "-" else name
