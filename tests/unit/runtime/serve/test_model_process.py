import asyncio
import os
import signal

import numpy as np
import pytest

from mnistx_runtime import Predictor
from mnistx_runtime.errors import ArtifactError
from mnistx_runtime.serve.model_process import ModelProcesses
from mnistx_runtime.serve.models import load_models


def test_it_answers_as_the_predictor_does_in_turn_and_goes_on_after_its_process_was_killed() -> None:
    (model,) = load_models([]).values()
    images = np.random.default_rng(0).integers(0, 256, (9, 1, 28, 28)).astype(np.uint8)
    expected = Predictor(threads=1).log_probs(images)

    async def test() -> None:
        processes = ModelProcesses(model.artifact, model.runtime, 1)
        await processes.start()
        try:
            found = await asyncio.gather(*(processes.run(images[:count]) for count in (9, 1, 4)))
            for count, rows in zip((9, 1, 4), found, strict=True):
                assert rows.shape == (count, 10) and np.abs(rows - expected[:count]).max() < 1e-4
            os.kill(processes._processes[0]._process.pid, signal.SIGKILL)
            with pytest.raises(ArtifactError, match="process ended"):
                await processes.run(images)
            assert (await processes.run(images)).tobytes() == found[0].tobytes()
        finally:
            await processes.close()

    asyncio.run(test())
