"""What a worker of a cluster does: it keeps a model, prepares pictures in processes of their own, answers them."""

import json
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnistx_runtime import __version__
from mnistx_runtime.artifact.container import Artifact
from mnistx_runtime.backends import CRASHING
from mnistx_runtime.batch import Lines, attempt_picture, spec_key
from mnistx_runtime.cluster.parquet import RowGroup, read_rows
from mnistx_runtime.commands import one_line
from mnistx_runtime.errors import BadInput, MnistxError, UnreadablePicture, describe_error
from mnistx_runtime.picture_pool import PicturePool
from mnistx_runtime.pictures import Source
from mnistx_runtime.prediction import Prediction, Reading
from mnistx_runtime.predictor import Predictor

if TYPE_CHECKING:
    import pyarrow as pa

Answer = Prediction | Reading | MnistxError | OSError
Values = dict[str, Any]


@dataclass(frozen=True)
class Work:
    """What a worker is to do; it goes to other machines, the model with it.

    Args:
        artifact: the model, read and checked by the one who asks.
        runtime: that runs it.
        many: read all the digits in each picture.
        values: JSON-ready values of an answer, by its picture's name; a function of a module, or a partial of one.
        roots: what has to be there on each machine, as absolute paths.
        folder: in which relative names begin.
        version: of mnistx-runtime, which has to be the same everywhere.
    """

    artifact: Artifact
    runtime: str
    many: bool
    values: Callable[[str, Answer], Values]
    roots: tuple[str, ...]
    folder: str
    version: str = __version__


class Worker:
    """Answers tables of pictures; Ray makes one in each of its processes.

    Args:
        work: what to do.
        cpus: tells how many CPUs this process was given: so many threads and processes it uses.
    """

    def __init__(self, work: Work, cpus: Callable[[], int]) -> None:
        """Load nothing yet: an error in a constructor doesn't come home."""
        self._work, self._cpus = work, cpus

    @cached_property
    def _predictor(self) -> Predictor:
        work = self._work
        if work.version != __version__:
            raise BadInput(f"{_here()} has mnistx-runtime {__version__}, and {work.version} is asked for")
        absent = next((each for each in (work.folder, *work.roots) if not Path(each).exists()), None)
        if absent is not None:
            raise BadInput(f"{_here()} doesn't see {absent}; pictures lie where all machines find them by one path")
        os.chdir(work.folder)
        return Predictor(work.artifact, work.runtime, self._cpus(), isolated=work.runtime in CRASHING)

    @cached_property
    def _pool(self) -> PicturePool[Lines | MnistxError | OSError]:
        attempt = partial(attempt_picture, key=spec_key(self._predictor.metadata.input), many=self._work.many)
        return PicturePool(attempt, self._cpus())

    def __call__(self, table: "pa.Table") -> "pa.Table":
        """What is answered of a table of `picture_table`: a JSON text a picture, or one that says what went wrong."""
        import pyarrow as pa

        return pa.table({"values": pa.array(map(json.dumps, self._answer(table)), pa.large_string())})

    def _answer(self, table: "pa.Table") -> list[Values]:
        try:
            return list(self._answers(*_pictures_of(table)))
        except (MnistxError, OSError) as error:
            return [failure(error)]
        except Exception as error:
            what = f"{type(error).__name__}: {describe_error(error)}"
            return [failure(BadInput(f"{_here()} failed, by a fault of mnistx ({what})"))]

    def _answers(self, names: Sequence[str], sources: Sequence[Source]) -> Iterator[Values]:
        predictor = self._predictor
        for name, source, answer in zip(
            names,
            sources,
            predictor.answer_prepared(sources, self._pool.prepare(sources), self._work.many),
            strict=True,
        ):
            if isinstance(answer, OSError):
                raise answer  # what the machine lacks is no answer to a picture
            unnamed = isinstance(answer, UnreadablePicture) and isinstance(source, bytes)
            yield self._work.values(name, UnreadablePicture(f"{name}: {answer}") if unnamed else answer)


def failure(error: Exception) -> Values:
    """What stops the whole call, as a row of a table."""
    return {"failure": one_line(error), "exit_code": getattr(error, "exit_code", 2)}


def raise_failure(values: Values) -> None:
    """Raise what `failure` was made of; nothing for an answer."""
    if "failure" in values:
        error = BadInput(values["failure"])
        error.exit_code = values["exit_code"]
        raise error


def picture_table(names: Sequence[str], contents: Sequence[bytes | None] | None = None) -> "pa.Table":
    """Pictures, as `Worker` takes them.

    Args:
        names: of files, which may be no text; without contents, the files are read.
        contents: of the files; None for one that isn't there.
    """
    import pyarrow as pa

    table = pa.table({"name": pa.array(map(os.fsencode, names), pa.large_binary())})
    return table if contents is None else table.append_column("data", pa.array(contents, pa.large_binary()))


def _pictures_of(table: "pa.Table") -> tuple[list[str], list[Source]]:
    """The names in a table of `picture_table`, and what is to be read.

    Raises:
        BadInput: a row says that its Parquet file can't be read.
    """
    names = [os.fsdecode(name) for name in table["name"].to_pylist()]
    if "data" not in table.column_names:
        return names, list(names)
    contents = [data or b"" for data in table["data"].to_pylist()]
    if "" in names:
        raise BadInput(contents[names.index("")].decode())
    return names, list(contents)


def read_group(table: "pa.Table") -> Iterator["pa.Table"]:
    """The pictures of a table of `group_table`; a file that can't be read is a row without a name that says so."""
    for text in table["group"].to_pylist():
        values = json.loads(text)
        group = RowGroup(**values | {"answered": frozenset(values["answered"])})
        try:
            for name, data in read_rows(group):
                yield picture_table([name], [data])
        except BadInput as error:
            yield picture_table([""], [str(error).encode()])


def group_table(group: RowGroup) -> "pa.Table":
    """Rows of a Parquet file that are to be read on another machine."""
    import pyarrow as pa

    return pa.table({"group": [json.dumps(vars(group) | {"answered": sorted(group.answered)})]})


def _here() -> str:
    return f"the machine {socket.gethostname()}"
