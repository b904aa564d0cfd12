"""Sends pictures to the workers of a cluster and brings each answer home once, whatever ends on the way."""

import json
from collections.abc import Iterator
from math import ceil
from typing import TYPE_CHECKING, Any

from mnistx_runtime.cluster.pictures import Pictures
from mnistx_runtime.cluster.session import granted_cpus
from mnistx_runtime.cluster.worker import Values, Work, Worker, group_table, picture_table, raise_failure, read_group
from mnistx_runtime.errors import BadInput, describe_error
from mnistx_runtime.escape import escape_controls
from mnistx_runtime.predictor import BATCH
from mnistx_runtime.records import source_key

if TYPE_CHECKING:
    import pyarrow as pa

_TABLES = 4096  # that names are divided into at most; each costs Ray a millisecond
_BLOCK = 256 << 10  # bytes of pictures that travel together, beyond one

MOST_FAILURES = 5
"""How many times the workers may end before they have answered anything."""


def answer_pictures(pictures: Pictures, work: Work, actors: int | None = None) -> Iterator[Values]:
    """What is answered of each picture, in any order, each once; Ray is connected to, see `ray_session`.

    A worker that ends, or a whole machine, takes with it what it was at: that is sent again.

    Args:
        pictures: what to answer.
        work: what the workers do.
        actors: the most of them; None for the CPUs of the cluster.

    Raises:
        BadInput: a worker says what is wrong, or the workers end again and again.
    """
    done: set[str] = set()
    failures = 0
    while len(pictures):
        before, reason = len(done), "no worker answered"
        try:
            for values in _run(pictures, work, actors):
                raise_failure(values)
                key = source_key(escape_controls(values["source"]))
                if key not in done:
                    done.add(key)
                    yield values
        except Exception as error:
            if not _is_loss(error):
                raise
            reason = describe_error(error)
        failures = 0 if len(done) > before else failures + 1
        if failures == MOST_FAILURES:
            raise BadInput(f"workers ended {failures} times without an answer: {reason}"[:400])
        pictures = pictures.without(done)


def _is_loss(error: Exception) -> bool:
    """Whether it says that a worker, a machine, or what lay in its memory is gone."""
    from ray.exceptions import RayError

    return isinstance(error, RayError)


def _run(pictures: Pictures, work: Work, actors: int | None) -> Iterator[Values]:
    """What comes home of one attempt. Ray itself sends what a worker was at to another one, unless it can't."""
    import ray
    from ray.data import ActorPoolStrategy, DataContext, TaskPoolStrategy

    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.target_max_block_size = _BLOCK
    most = min(actors or len(pictures), max(1, int(ray.cluster_resources().get("CPU", 1))))
    datasets: list[tuple[Any, int]] = []
    if pictures.files:
        tables = _name_tables(pictures.files)
        datasets.append((ray.data.from_arrow(tables), min(most, len(tables))))
    if pictures.groups:
        groups = ray.data.from_arrow([group_table(group) for group in pictures.groups])
        rows = groups.map_batches(
            read_group,
            batch_size=None,
            batch_format="pyarrow",
            compute=TaskPoolStrategy(size=most),
            num_cpus=0,  # else it waits for a CPU that the workers have
        )
        datasets.append((rows, most))
    for dataset, size in datasets:
        answered = dataset.map_batches(
            Worker,
            fn_constructor_args=(work, granted_cpus),
            batch_size=None,
            batch_format="pyarrow",
            compute=ActorPoolStrategy(min_size=1, max_size=actors, initial_size=size),
            num_cpus=1,
        )
        for batch in answered.iter_batches(batch_size=None, batch_format="pyarrow"):
            yield from map(json.loads, batch["values"].to_pylist())


def _name_tables(names: tuple[str, ...]) -> "list[pa.Table]":
    """Tables of whole batches, so that the same pictures are computed together as in one process."""
    size = BATCH * ceil(len(names) / BATCH / _TABLES)
    return [picture_table(names[at : at + size]) for at in range(0, len(names), size)]
