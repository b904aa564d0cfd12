"""Reads many pictures: prepared side by side on several CPUs, answered in batches, given back in order."""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mnistx_runtime.errors import BadInput, MnistxError
from mnistx_runtime.pictures import Source, open_picture, source_name
from mnistx_runtime.prediction import Box, Prediction, Reading
from mnistx_runtime.preprocess.mnist_digit import prepare

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor

    from mnistx_runtime.predictor import Predictor

CHUNK = 8  # pictures that a process takes at a time
BATCH = 64  # pictures whose digits are answered together
FEW = 32  # pictures that one process prepares before others have started

Found = tuple[NDArray[np.uint8], Box, str | None]
"""A digit on its way between processes: its image, its box in the picture, and why it may be none."""

Lines = list[list[Found]] | MnistxError | OSError
"""The digits of a picture, line by line, or the error that it raised."""


def read_all(
    predictor: "Predictor", sources: Sequence[Source], many: bool, processes: int
) -> Iterator[Prediction | Reading | MnistxError | OSError]:
    """An answer or an error for each picture, in their order; see `Predictor.predict_files`."""
    prepared = _prepared(sources, many, processes)
    at = 0
    began = perf_counter()
    while batch := list(islice(prepared, BATCH)):
        images = [image for found in batch if isinstance(found, list) for line in found for image, _, _ in line]
        rows = iter(predictor.log_probs(np.stack(images)) if images else ())
        elapsed = (perf_counter() - began) * 1e3 / len(batch)
        for source, found in zip(sources[at : at + len(batch)], batch, strict=True):
            if not isinstance(found, list):
                yield found
                continue
            name, count = source_name(source), sum(len(line) for line in found)
            lines = tuple(
                tuple(
                    predictor.prediction(next(rows), elapsed / count, name, box, rejection_reason)
                    for _, box, rejection_reason in line
                )
                for line in found
            )
            yield Reading(lines, elapsed, name) if many else lines[0][0]
        at += len(batch)
        began = perf_counter()


def _prepared(sources: Sequence[Source], many: bool, processes: int) -> Iterator[Lines]:
    attempt = partial(_attempt, many=many)
    if processes == 1 or len(sources) <= FEW:
        yield from map(attempt, sources)
        return
    from concurrent.futures.process import BrokenProcessPool

    done = 0
    while done < len(sources):
        try:
            with _pool(processes) as pool:
                for found in pool.map(attempt, sources[done:], chunksize=CHUNK):
                    done += 1
                    yield found
        except BrokenProcessPool:
            for source in sources[done : done + CHUNK]:
                done += 1
                yield _alone(source, many)


def _alone(source: Source, many: bool) -> Lines:
    """What a picture gives in a process of its own, which it may kill."""
    from concurrent.futures.process import BrokenProcessPool

    try:
        with _pool(1) as pool:
            return pool.submit(_attempt, source, many).result()
    except BrokenProcessPool:
        return BadInput(f"{source_name(source) or 'the picture'} can't be read as a picture: its decoder crashed")


def _pool(processes: int) -> "ProcessPoolExecutor":
    """Processes that know nothing of this one: its threads, and those of the runtime, would not survive a fork."""
    import signal
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    ignore = (signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    return ProcessPoolExecutor(processes, get_context("spawn"), initializer=signal.signal, initargs=ignore)


def _attempt(source: Source, many: bool) -> Lines:
    try:
        picture = open_picture(source)
        if many:
            from mnistx_runtime.preprocess.multi_digit import prepare_many

            lines = prepare_many(picture)
        else:
            lines = [[prepare(picture)]]
    except (MnistxError, OSError) as error:
        return error
    return [[(digit.image, digit.box, digit.rejection_reason) for digit in line] for line in lines]
