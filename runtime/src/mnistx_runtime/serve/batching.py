"""Answers requests that arrive together in one run of the model.

What waits is computed as soon as nothing else is. While something is, more gathers, until it fills a batch or the
oldest of it has waited for `wait` seconds; then it is computed beside the other, where there is room. Models take
turns, so do clients, and a large request gives way after each batch.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnistx_runtime.serve.fair_queue import FairQueue


class Model(NamedTuple):
    """What is computed.

    Args:
        run: log-probabilities `(N, classes)` of images `(N, channels, height, width)`.
        most: images in a batch.
        observe: is told of each batch how many images it has.
    """

    run: Callable[[NDArray[np.uint8]], Awaitable[NDArray[np.float32]]]
    most: int
    observe: Callable[[int], object] = id


@dataclass(eq=False, slots=True)
class _Job:
    """A request: its images, how many of them were taken to be computed, and the answers so far."""

    client: str
    images: NDArray[np.uint8]
    future: "asyncio.Future[NDArray[np.float32]]"
    taken: int = 0
    answered: int = 0
    answers: NDArray[np.float32] | None = None

    def fail(self, error: Exception) -> None:
        """Tell who asked that there's no answer."""
        if not self.future.done():
            self.future.set_exception(error)

    def answer(self, start: int, found: NDArray[np.float32]) -> None:
        """Keep the answers to the images from `start` on; give all of them once they are complete."""
        if self.future.done():
            return  # who asked is gone, or was told of an error
        if len(found) == len(self.images):
            self.future.set_result(found)
            return
        if self.answers is None:
            self.answers = np.empty((len(self.images), found.shape[1]), np.float32)
        self.answers[start : start + len(found)] = found
        self.answered += len(found)
        if self.answered == len(self.images):
            self.future.set_result(self.answers)


class _Part(NamedTuple):
    """Some images of a request, in a batch."""

    job: _Job
    start: int
    stop: int


@dataclass(eq=False, slots=True)
class _Waiting:
    """What waits for a model: how many images, and since when."""

    model: Model
    jobs: FairQueue[_Job] = field(default_factory=FairQueue)
    images: int = 0
    since: float = 0.0

    def put(self, job: _Job) -> None:
        """Let a request wait."""
        self.jobs.put(job.client, job)
        self.images += len(job.images)

    def take(self) -> list[_Part]:
        """A batch; what is left of the request that it doesn't hold all of goes to the end of its client's line."""
        room, batch = self.model.most, []
        while room and self.jobs:
            job = self.jobs.take()
            part = _Part(job, job.taken, min(job.taken + room, len(job.images)))
            batch.append(part)
            room -= part.stop - part.start
            job.taken = part.stop
            if job.taken < len(job.images):
                self.jobs.put(job.client, job)
        self.images -= self.model.most - room
        return batch


class Batcher:
    """Runs models, some batches at a time."""

    def __init__(self, models: Mapping[str, Model], most: int, wait: float) -> None:
        """Nothing runs yet.

        Args:
            models: by name.
            most: batches that are computed at a time.
            wait: seconds, see the module.
        """
        self._models = {name: _Waiting(model) for name, model in models.items()}
        self._turns: list[str] = []
        self._most, self._wait = most, wait
        self._running = set[asyncio.Task[None]]()
        self._is_scheduled = False
        self._timer: asyncio.TimerHandle | None = None

    async def run(self, name: str, client: str, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The answers to some images, computed with others'.

        Args:
            name: of the model.
            client: who waits for them.
            images: at least one, of the model's shape.

        Raises:
            Exception: what the model raised.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[NDArray[np.float32]] = loop.create_future()
        waiting = self._models[name]
        if not waiting.images:
            waiting.since = loop.time()
            self._turns.append(name)
        waiting.put(_Job(client, images, future))
        is_full = waiting.images >= waiting.model.most
        if not self._is_scheduled and len(self._running) < self._most and (self._timer is None or is_full):
            self._is_scheduled = True
            loop.call_soon(self._start_due)
        return await future

    def _start_due(self) -> None:
        """Start what is due; what isn't yet is looked at again when it is, or when something ends."""
        self._is_scheduled = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        loop = asyncio.get_running_loop()
        while self._turns and len(self._running) < self._most:
            now = loop.time()
            name = next((name for name in self._turns if self._is_due(self._models[name], now)), None)
            if name is None:
                first = min(self._models[name].since for name in self._turns)
                self._timer = loop.call_at(first + self._wait, self._start_due)
                return
            self._turns.remove(name)
            waiting = self._models[name]
            batch = waiting.take()
            if waiting.images:
                self._turns.append(name)
            task = loop.create_task(_compute(waiting.model, batch))
            self._running.add(task)
            task.add_done_callback(self._end)

    def _is_due(self, waiting: _Waiting, now: float) -> bool:
        return not self._running or waiting.images >= waiting.model.most or now - waiting.since >= self._wait

    def _end(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._start_due()


async def _compute(model: Model, batch: list[_Part]) -> None:
    """Run a model, and give each request its part of what was found."""
    images = [job.images[start:stop] for job, start, stop in batch]
    at = 0
    try:
        found = await model.run(images[0] if len(images) == 1 else np.concatenate(images))
    except Exception as error:
        for job, _, _ in batch:
            job.fail(error)
        return
    for job, start, stop in batch:
        job.answer(start, found[at : at + stop - start])
        at += stop - start
    model.observe(at)
