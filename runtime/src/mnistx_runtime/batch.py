"""Prepares many pictures, side by side on several CPUs, and gives them back in order."""

import json
from collections.abc import Generator, Sequence
from functools import cache, partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnistx_runtime.arguments import check_count
from mnistx_runtime.errors import BadInput, MnistxError, UnreadablePicture, describe_error
from mnistx_runtime.input_spec import InputSpec
from mnistx_runtime.pictures import Source, open_picture, source_name
from mnistx_runtime.preprocess import Box, Prepared, Preprocess, preprocess_for

FEW = 32  # pictures that one process prepares before others have started


class Found(NamedTuple):
    """What is read in a picture, on its way between processes: `Prepared` without what only a person looks at."""

    image: NDArray[np.uint8]
    box: Box
    rejection_reason: str | None
    rejected_below: float
    span: tuple[int, int]
    penalty: float
    mark: str | None

    @classmethod
    def of(cls, prepared: Prepared) -> "Found":
        """What is answered of a prepared image."""
        return cls(*(getattr(prepared, name) for name in cls._fields))


Lines = list[list[Found]]
"""All that is read in a picture, line by line."""


def found_in(lines: Sequence[Sequence[Prepared]]) -> Lines:
    """What is answered of prepared images."""
    return [[Found.of(each) for each in line] for line in lines]


def prepare_picture(source: Source, preprocess: Preprocess, many: bool = False) -> list[list[Prepared]]:
    """All that is to be answered of a picture, line by line; without `many` one image, or several that compete.

    Args:
        source: see `open_picture`.
        preprocess: of the model.
        many: read all that is in the picture.

    Raises:
        UnreadablePicture: it can't be opened, takes more memory than there is, or is damaged in a way that shows
            only when it is looked at.
        PredictionRefused: there is nothing on it to read.
        BadInput: the preprocess can't do that.
    """
    try:
        picture = open_picture(source, preprocess.draft)
        if many:
            return preprocess.prepare_many(picture)
        prepared = preprocess.prepare(picture)
        return [[prepared, *prepared.alternatives]]
    except (MnistxError, OSError):
        raise
    except Exception as error:
        if not isinstance(error, MemoryError) and not _is_pillows(error):
            raise
        raise UnreadablePicture(f"{_name(source)} can't be read as a picture: {describe_error(error)}") from error


def _is_pillows(error: Exception) -> bool:
    """Whether Pillow raised it, which it does at palettes, tags and modes of damaged pictures that it has opened."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and str(trace.tb_frame.f_globals.get("__name__")).startswith("PIL.")


def _name(source: Source) -> str:
    return source_name(source) or "the picture"


def prepare_files(
    sources: Sequence[Source], spec: InputSpec, many: bool, processes: int
) -> Generator[Lines | MnistxError | OSError, None, None]:
    """What is to be answered of each picture, or the error that it raised, in their order.

    Args:
        sources: see `open_picture`.
        spec: of the model's input.
        many: read all that is in a picture, not one thing.
        processes: that decode and prepare.

    Raises:
        BadInput: the processes can't be started.
    """
    attempt = partial(attempt_picture, key=spec_key(spec), many=many)
    if isinstance(sources, str | bytes) or not isinstance(sources, Sequence | np.ndarray):
        raise BadInput(f"pictures must be a list of them, not {type(sources).__name__}; of a single one: predict")
    check_count("processes", processes)
    if processes == 1 or len(sources) <= FEW:
        yield from map(attempt, sources)
        return
    from mnistx_runtime.picture_pool import PicturePool

    with PicturePool(attempt, processes) as pool:
        yield from pool.prepare(sources)


def spec_key(spec: InputSpec) -> str:
    """A spec as a text, which goes to other processes and is parsed there once."""
    return json.dumps(spec.to_dict())


@cache
def preprocess_of(key: str) -> Preprocess:
    """The preprocess of a spec, by its key."""
    return preprocess_for(InputSpec.from_dict(json.loads(key)))


def attempt_picture(source: Source, key: str, many: bool) -> Lines | MnistxError | OSError:
    """What is to be answered of a picture, or the error that it raised.

    Args:
        source: see `open_picture`.
        key: of the model's input, see `spec_key`.
        many: see `prepare_picture`.
    """
    try:
        return found_in(prepare_picture(source, preprocess_of(key), many))
    except (MnistxError, OSError) as error:
        return error
    except Exception as error:  # a fault of ours, which must not cost the other pictures their answers
        what = f"{type(error).__name__}: {describe_error(error)}"
        return UnreadablePicture(f"{_name(source)} can't be prepared, by a fault of mnistx ({what})")
