import pytest

from mnistx_runtime.serve.fair_queue import FairQueue


def test_a_client_that_comes_late_waits_for_one_item_of_each_other() -> None:
    queue = FairQueue[str]()
    for item in ("a1", "a2", "b1", "a3", "b2"):
        queue.put(item[0], item)
    found = [queue.take() for _ in range(2)]
    queue.put("c", "c1")
    found += [queue.take() for _ in range(4)]
    assert found == ["a1", "b1", "a2", "b2", "c1", "a3"]


def test_what_is_empty_is_false_and_gives_nothing() -> None:
    queue = FairQueue[int]()
    assert not queue
    with pytest.raises(StopIteration):
        queue.take()
