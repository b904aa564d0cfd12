import asyncio
import os
import signal
import sys
import time

import pytest

from mnistx_runtime.errors import BadInput
from mnistx_runtime.serve.decoders import Decoders


def test_one_that_kills_its_process_costs_nobody_else_an_answer() -> None:
    async def test() -> None:
        decoders = Decoders(2)
        try:
            await decoders.start()
            found = await asyncio.gather(
                *(decoders.run("a", abs, -at) for at in range(6)),
                decoders.run("b", os._exit, 3),
                *(decoders.run("a", abs, -at) for at in range(6)),
                return_exceptions=True,
            )
            assert found[:6] == found[7:] == list(range(6))
            assert isinstance(found[6], BadInput) and "its decoder crashed" in str(found[6])
            assert await decoders.run("b", abs, -7) == 7
        finally:
            decoders.close()

    asyncio.run(test())


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_a_stop_for_all_processes_is_left_to_the_server() -> None:
    async def test() -> None:
        decoders = Decoders(1)
        try:
            before = await decoders.run("a", os.getpid)
            await decoders.run("a", signal.raise_signal, signal.SIGTERM)
            assert await decoders.run("a", os.getpid) == before
        finally:
            decoders.close()

    asyncio.run(test())


def test_who_waits_longest_of_each_client_is_next() -> None:
    order: list[str] = []

    async def ask(decoders: Decoders, client: str) -> None:
        await decoders.run(client, time.sleep, 0)
        order.append(client)

    async def test() -> None:
        decoders = Decoders(1)
        try:
            await decoders.start()
            tasks = [asyncio.create_task(ask(decoders, "a")) for _ in range(5)]
            await asyncio.sleep(0)
            await asyncio.gather(*tasks, ask(decoders, "b"))
        finally:
            decoders.close()

    asyncio.run(test())
    assert order.index("b") < 3
