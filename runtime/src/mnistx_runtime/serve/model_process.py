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
from mnistx_runtime.backends.isolated import ERRORS, MODEL, PATIENCE, load_request
from mnistx_runtime.errors import ArtifactError
from mnistx_runtime.system.process_pool import SAFE_PATH


class _Process:
    """One process, and what it was asked; it answers in turn."""

    def __init__(self, process: Process) -> None:
        self._process, self._turn = process, asyncio.Lock()
        self.asked = 0

    async def ask(self, question: Any) -> NDArray[np.float32]:
        """What it answers, as an array.

        Raises:
            ArtifactError: it can't, or it ended.
        """
        self.asked += 1
        try:
            async with asyncio.timeout(PATIENCE * MODEL.seconds):
                assert self._process.stdin
                self._process.stdin.write(pickle.dumps(question, pickle.HIGHEST_PROTOCOL))
                async with self._turn:
                    reply, data = await self._read()
        except (OSError, ValueError, EOFError, TimeoutError) as error:
            self.end()
            raise ArtifactError(f"the model's process ended, with code {await self._process.wait()}") from error
        finally:
            self.asked -= 1
        if "error" in reply:
            raise ERRORS[reply["error"]](reply["text"])
        return np.frombuffer(data, "<f4").reshape(reply["shape"])

    async def _read(self) -> tuple[dict[str, Any], bytes]:
        answers = self._process.stdout
        assert answers
        reply = json.loads(await answers.readline())
        return reply, b"" if "error" in reply else await answers.readexactly(4 * prod(reply["shape"]))

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
        self._processes: list[_Process] = []
        self._starting = asyncio.Lock()

    async def start(self) -> None:
        """Start those that are missing.

        Raises:
            MnistxError: the model can't be loaded.
        """
        async with self._starting:
            self._processes = [process for process in self._processes if not process.has_ended]
            missing = self._count - len(self._processes)
            self._processes += await asyncio.gather(*(self._start() for _ in range(missing)))

    async def _start(self) -> _Process:
        command = (sys.executable, "-m", "mnistx_runtime.backends.isolated")
        started = await asyncio.create_subprocess_exec(
            *command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=environ | SAFE_PATH
        )
        process = _Process(started)
        try:
            await process.ask(load_request(self._artifact, self._runtime, 1, MODEL))
        except BaseException:
            process.end()
            raise
        return process

    async def close(self) -> None:
        """End them."""
        for process in self._processes:
            process.end()
            await process.wait()

    async def run(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Log-probabilities `(N, classes)` of images `(N, channels, height, width)`.

        Raises:
            ArtifactError: the model failed.
        """
        if any(process.has_ended for process in self._processes):
            await self.start()
        process = min(self._processes, key=lambda each: each.asked)
        rows = await process.ask(images)
        if rows.shape != (len(images), self._classes) or not isfinite(np.vdot(rows, rows)):
            raise ArtifactError("the model's answers aren't finite numbers, one a class; verify it")
        return rows
