"""`mnistx predict --engine ray`: the answers of a cluster, in a folder of tables."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import click

from mnistx_runtime.answers import Mode, answer_values, made_by
from mnistx_runtime.artifact.container import Artifact
from mnistx_runtime.backends import CRASHING, artifact_for
from mnistx_runtime.cluster.parts import open_parts
from mnistx_runtime.cluster.pictures import find_all
from mnistx_runtime.cluster.pipeline import answer_pictures
from mnistx_runtime.cluster.session import ray_session, require_ray
from mnistx_runtime.cluster.worker import Values, Work
from mnistx_runtime.commands import say
from mnistx_runtime.errors import ArtifactError
from mnistx_runtime.picture_names import is_folder
from mnistx_runtime.predictor import Predictor, open_bundled
from mnistx_runtime.system.threads import available_cpus


@dataclass(frozen=True)
class Asked:
    """What is asked for, as the command line names it.

    Args:
        mode: what is asked of each picture.
        out: the folder for the answers.
        resume: go on with those in it.
        threads: the most CPUs to use; None for all.
    """

    mode: Mode
    out: Path
    resume: bool
    threads: int | None


def artifact_of(model: Path | None, runtime: str, allow_foreign: bool) -> Artifact:
    """The model to send to other machines, as it is here; signatures are checked.

    Args:
        model: its path; None for the bundled one.
        runtime: that runs it.
        allow_foreign: see `Artifact`.

    Raises:
        ArtifactError, UntrustedModel, VerificationFailed: it can't be read, or may not be run.
    """
    if model is None:
        return open_bundled(runtime)
    if runtime == "torch":
        raise ArtifactError(f"{model}: checkpoints stay on this machine; export it, and name what was exported")
    return artifact_for(model, runtime, allow_foreign)


def predict_on_ray(names: Sequence[str], artifact: Artifact, runtime: str, asked: Asked) -> int:
    """Answer pictures on a cluster; returns the exit code that the worst of them stands for.

    Args:
        names: see `find_all`.
        artifact: the model.
        runtime: that runs it.
        asked: what else is asked for.

    Raises:
        MnistxError: Ray or the model can't be loaded, a source can't be read, or the answers can't be written.
    """
    require_ray()
    spec = Predictor(artifact, runtime, 1, isolated=runtime in CRASHING).metadata.input
    pictures = find_all(names, lambda note: say(note, err=True))
    made = made_by(artifact.path, spec, asked.mode)
    with open_parts(asked.out, made, asked.resume) as parts:
        left = pictures.without(parts.done)
        if len(left) < len(pictures):
            done = f"{len(pictures) - len(left):,} of {len(pictures):,} pictures"
            say(f"{asked.out}: {done} are answered already", err=True)
        worst = parts.exit_code
        if not len(left):
            return worst
        work = Work(
            artifact,
            runtime,
            asked.mode.many,
            partial(answer_values, mode=asked.mode),
            roots_of(names),
            str(Path.cwd()),
        )
        with (
            ray_session(min(asked.threads or available_cpus(), available_cpus())),
            _progress(answer_pictures(left, work, asked.threads), len(left)) as answers,
        ):
            for values in answers:
                parts.add(values)
                if "error" in values:
                    say(f"Error: {values['error']}", err=True)
                    worst = max(worst, values["exit_code"])
    return worst


def roots_of(names: Sequence[str]) -> tuple[str, ...]:
    """The folders and files that every machine has to see, as absolute paths; not each of many pictures.

    Args:
        names: see `find_all`.
    """
    tables = (name for name in names if is_folder(name) or Path(name).suffix == ".parquet")
    return tuple(str(Path(name).absolute()) for name in tables)


def _progress(answers: Iterator[Values], count: int) -> AbstractContextManager[Iterable[Values]]:
    """The same answers, with a bar where standard error is a terminal."""
    if not sys.stderr.isatty():
        return nullcontext(answers)
    return click.progressbar(answers, count, file=sys.stderr, show_pos=True, show_eta=True)
