import asyncio
from collections.abc import Awaitable, Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from mnistx_runtime.errors import ArtifactError
from mnistx_runtime.serve.batching import Batcher, Model

Images = NDArray[np.uint8]


def images(count: int, value: int) -> Images:
    return np.full((count, 1, 1, 1), value, np.uint8)


class Fake:
    """A model that answers each image with its pixel, once it is let."""

    def __init__(self, most: int = 4) -> None:
        self.batches: list[list[int]] = []
        self.gate = asyncio.Event()
        self.model = Model(self.run, most)

    async def run(self, given: Images) -> NDArray[np.float32]:
        self.batches.append(given.ravel().tolist())
        await self.gate.wait()
        return given.reshape(len(given), 1).astype(np.float32)


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def within() -> None:
        async with asyncio.timeout(60):
            await test()

    asyncio.run(within())


def test_requests_of_one_turn_are_computed_together_and_each_gets_its_own() -> None:
    async def test() -> None:
        fake = Fake(64)
        fake.gate.set()
        batcher = Batcher({"m": fake.model}, 1, 60)
        found = await asyncio.gather(*(batcher.run("m", "c", images(2, value)) for value in range(5)))
        assert fake.batches == [[0, 0, 1, 1, 2, 2, 3, 3, 4, 4]]
        assert [each.ravel().tolist() for each in found] == [[value, value] for value in range(5)]

    run(test)


def test_a_batch_is_bounded_and_what_comes_meanwhile_waits_for_a_full_one() -> None:
    async def test() -> None:
        fake = Fake(4)
        batcher = Batcher({"m": fake.model}, 2, 60)
        tasks = [asyncio.create_task(batcher.run("m", "c", images(1, value))) for value in range(6)]
        await settle()
        assert fake.batches == [[0, 1, 2, 3]]
        tasks += [asyncio.create_task(batcher.run("m", "c", images(1, value))) for value in (6, 7)]
        await settle()
        assert fake.batches == [[0, 1, 2, 3], [4, 5, 6, 7]]
        fake.gate.set()
        assert [int(each[0, 0]) for each in await asyncio.gather(*tasks)] == list(range(8))

    run(test)


def test_who_waits_for_others_waits_no_longer_than_told() -> None:
    async def test() -> None:
        fake = Fake(4)
        batcher = Batcher({"m": fake.model}, 2, 0.002)
        tasks = [asyncio.create_task(batcher.run("m", "c", images(1, 1)))]
        await settle()
        tasks.append(asyncio.create_task(batcher.run("m", "c", images(1, 2))))
        while len(fake.batches) < 2:  # the first one never ends before
            await asyncio.sleep(0.001)
        fake.gate.set()
        await asyncio.gather(*tasks)

    run(test)


def test_a_large_request_gives_way_to_a_small_one_and_its_answers_keep_their_order() -> None:
    async def test() -> None:
        fake = Fake(4)
        batcher = Batcher({"m": fake.model}, 1, 60)
        large = np.arange(20, dtype=np.uint8).reshape(20, 1, 1, 1)
        tasks = [asyncio.create_task(batcher.run("m", "a", large))]
        await settle()
        tasks.append(asyncio.create_task(batcher.run("m", "b", images(1, 99))))
        await settle()
        fake.gate.set()
        found = await asyncio.gather(*tasks)
        assert 99 in fake.batches[2] and found[0].ravel().tolist() == list(range(20))
        assert max(map(len, fake.batches)) == 4

    run(test)


def test_models_take_turns() -> None:
    async def test() -> None:
        first, second = Fake(2), Fake(2)
        second.gate.set()
        batcher = Batcher({"a": first.model, "b": second.model}, 1, 60)
        tasks = [asyncio.create_task(batcher.run("a", "c", images(6, 1)))]
        await settle()
        tasks.append(asyncio.create_task(batcher.run("b", "c", images(1, 2))))
        await settle()
        assert not second.batches
        first.gate.set()
        await tasks[1]
        assert len(first.batches) < 3
        await tasks[0]

    run(test)


def test_a_model_that_fails_fails_those_who_asked_it_and_goes_on() -> None:
    async def test() -> None:
        calls = []

        async def fail_once(given: Images) -> NDArray[np.float32]:
            calls.append(len(given))
            if len(calls) == 1:
                raise ArtifactError("broken")
            return np.zeros((len(given), 1), np.float32)

        batcher = Batcher({"m": Model(fail_once, 4)}, 1, 60)
        found = await asyncio.gather(*(batcher.run("m", "c", images(1, 0)) for _ in range(2)), return_exceptions=True)
        assert [type(each) for each in found] == [ArtifactError] * 2
        assert (await batcher.run("m", "c", images(3, 0))).shape == (3, 1)
        with pytest.raises(KeyError):
            await batcher.run("unknown", "c", images(1, 0))

    run(test)
