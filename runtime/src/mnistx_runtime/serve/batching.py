"""Answers requests that arrive together in one run of the model.

A request that arrives while nothing is computed is computed at once, with those that the same turn of the event loop
brought. While something is computed, others gather; another thread takes them when they fill a batch, or the oldest of
them has waited for `wait` seconds. Models take turns, so do clients, and a large request gives way after each batch.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnistx_runtime.serve.fair_queue import FairQueue


class Model(NamedTuple):
    """What is computed.

    Args:
        run: log-probabilities `(N, classes)` of images `(N, channels, height, width)`; any thread may call it.
        most: images in a batch.
        observe: is told of each batch how many images it has.
    """

    run: Callable[[NDArray[np.uint8]], NDArray[np.float32]]
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
    """Runs models on threads; all methods but the models' are the event loop's."""

    def __init__(self, models: Mapping[str, Model], threads: int, wait: float) -> None:
        """Start no thread yet.

        Args:
            models: by name.
            threads: that compute, each a batch at a time.
            wait: seconds, see the module.
        """
        self._waiting = {name: _Waiting(model) for name, model in models.items()}
        self._threads, self._wait = threads, wait
        self._pool = ThreadPoolExecutor(threads, "mnistx-batch")
        self._turns: deque[str] = deque()
        self._running, self._is_scheduled = 0, False
        self._timer: asyncio.TimerHandle | None = None

    def close(self) -> None:
        """End the threads, once they are done."""
        self._pool.shutdown()

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
        waiting = self._waiting[name]
        if not waiting.images:
            waiting.since = loop.time()
            self._turns.append(name)
        job = _Job(client, images, loop.create_future())
        waiting.jobs.put(client, job)
        waiting.images += len(images)
        if not self._is_scheduled and self._running < self._threads:
            self._is_scheduled = True
            loop.call_soon(self._dispatch)
        return await job.future

    def _dispatch(self) -> None:
        self._is_scheduled = False
        loop = asyncio.get_running_loop()
        while self._running < self._threads and self._turns:
            now = loop.time()
            name = next((name for name in self._turns if self._is_due(self._waiting[name], now)), None)
            if name is None:
                if self._timer is None:
                    since = min(self._waiting[name].since for name in self._turns)
                    self._timer = loop.call_at(since + self._wait, self._ring)
                return
            self._turns.remove(name)
            waiting = self._waiting[name]
            batch = waiting.take()
            if waiting.images:
                self._turns.append(name)
            self._running += 1
            self._pool.submit(self._compute, waiting.model, batch, loop)

    def _is_due(self, waiting: _Waiting, now: float) -> bool:
        return not self._running or waiting.images >= waiting.model.most or now - waiting.since >= self._wait

    def _ring(self) -> None:
        self._timer = None
        self._dispatch()

    def _compute(self, model: Model, batch: list[_Part], loop: asyncio.AbstractEventLoop) -> None:
        """What a thread does with a batch."""
        found: NDArray[np.float32] | Exception
        try:
            images = [job.images[start:stop] for job, start, stop in batch]
            found = model.run(images[0] if len(images) == 1 else np.concatenate(images))
        except Exception as error:
            found = error
        loop.call_soon_threadsafe(self._finish, model, batch, found)

    def _finish(self, model: Model, batch: list[_Part], found: NDArray[np.float32] | Exception) -> None:
        self._running -= 1
        at = 0
        for job, start, stop in batch:
            if not isinstance(found, Exception):
                job.answer(start, found[at : at + stop - start])
            elif not job.future.done():
                job.future.set_exception(found)
            at += stop - start
        model.observe(at)
        self._dispatch()
