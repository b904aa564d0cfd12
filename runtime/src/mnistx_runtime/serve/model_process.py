"""A model in processes of its own, asked without waiting: what it computes takes no time from the event loop's thread.

The other end of the pipes is `mnistx_runtime.backends.isolated`. A process that ends is told as an error to those whose
images it had, and another one is started.
"""

import asyncio
import json
import pickle
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from math import isfinite, prod
from os import environ
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistx_runtime.artifact.container import Artifact
from mnistx_runtime.backends.isolated import ERRORS, MODEL, PATIENCE
from mnistx_runtime.errors import ArtifactError
from mnistx_runtime.system.process_pool import SAFE_PATH


class _Process:
    """One process; it is asked one thing at a time."""

    def __init__(self, process: Process) -> None:
        self._process = process

    async def ask(self, question: Any) -> NDArray[np.float32]:
        """What it answers, as an array.

        Raises:
            ArtifactError: it can't, or it ended.
        """
        asked, answers = self._process.stdin, self._process.stdout
        assert asked and answers
        try:
            async with asyncio.timeout(PATIENCE * MODEL.seconds):
                asked.write(pickle.dumps(question, pickle.HIGHEST_PROTOCOL))
                await asked.drain()
                reply = json.loads(await answers.readline())
                if "error" in reply:
                    raise ERRORS[reply["error"]](reply["text"])
                data = await answers.readexactly(4 * prod(reply["shape"]))
        except (OSError, ValueError, EOFError, TimeoutError) as error:
            self.end()
            raise ArtifactError(f"the model's process ended, with code {await self._process.wait()}") from error
        return np.frombuffer(data, "<f4").reshape(reply["shape"])

    @property
    def has_ended(self) -> bool:
        return self._process.returncode is not None

    def end(self) -> None:
        with suppress(ProcessLookupError):
            self._process.kill()

    async def wait(self) -> None:
        await self._process.wait()


class ModelProcesses:
    """A model, as often as it may compute at a time."""

    def __init__(self, artifact: Artifact, runtime: str, count: int) -> None:
        """Start nothing yet.

        Args:
            artifact: the model, verified.
            runtime: that runs it.
            count: of the processes.
        """
        self._artifact, self._runtime, self._count = artifact, runtime, count
        self._classes = len(artifact.metadata.names)
        self._idle: list[_Process] = []
        self._all = set[_Process]()

    async def start(self) -> None:
        """Start all of them.

        Raises:
            MnistxError: the model can't be loaded.
        """
        self._idle = list(await asyncio.gather(*(self._start() for _ in range(self._count))))

    async def _start(self) -> _Process:
        command = (sys.executable, "-m", "mnistx_runtime.backends.isolated")
        started = await asyncio.create_subprocess_exec(
            *command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=environ | SAFE_PATH
        )
        process = _Process(started)
        self._all.add(process)
        opened = self._artifact
        await process.ask((opened.path, opened.files, opened.allow_foreign, self._runtime, 1, MODEL))
        return process

    async def close(self) -> None:
        """End them."""
        for process in self._all:
            process.end()
        for process in self._all:
            await process.wait()

    async def run(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Log-probabilities `(N, classes)` of images `(N, channels, height, width)`; see `Batcher` for how many at a time.

        Raises:
            ArtifactError: the model failed.
        """
        process = self._idle.pop() if self._idle else await self._start()
        try:
            rows = await process.ask(images)
        finally:
            if process.has_ended:
                self._all.discard(process)
            else:
                self._idle.append(process)
        if rows.shape != (len(images), self._classes) or not isfinite(np.vdot(rows, rows)):
            raise ArtifactError("the model's answers aren't finite numbers, one a class; verify it")
        return rows
