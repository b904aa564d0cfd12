import pytest

from mnistx_runtime.serve.http_error import HttpError
from mnistx_runtime.serve.limits import SHARE, Admission, Limits


def refused(admission: Admission, client: str, size: int) -> int:
    with pytest.raises(HttpError) as caught:
        admission.enter(client, size)
    assert caught.value.status == 413 or caught.value.headers == {"retry-after": "1"}
    return caught.value.status


def test_the_queue_is_bounded_by_length_and_frees_what_leaves() -> None:
    admission = Admission(Limits(requests=4))
    for client in "abcd":
        admission.enter(client, 1)
    assert refused(admission, "e", 1) == 429
    admission.leave("a", 1)
    admission.enter("e", 1)
    assert admission.total_requests == 4


def test_the_queue_is_bounded_by_bytes() -> None:
    admission = Admission(Limits(memory=100, body=80))
    admission.enter("a", 60)
    assert refused(admission, "b", 41) == 429 and refused(admission, "b", 81) == 413
    admission.enter("b", 40)
    assert admission.total_memory == 100


def test_one_client_leaves_room_for_others() -> None:
    admission = Admission(Limits(requests=8))
    mine = 0
    while mine < SHARE * 8:
        admission.enter("a", 1)
        mine += 1
    assert mine < 8 and refused(admission, "a", 1) == 429
    admission.enter("b", 1)


def test_one_client_leaves_bytes_for_others() -> None:
    admission = Admission(Limits(memory=100, body=80))
    admission.enter("a", 70)
    assert refused(admission, "a", 20) == 429
    admission.enter("b", 20)
    admission.leave("a", 70)
    admission.enter("a", 80)  # what is within the limit of one body is taken, if nothing of its client's waits


def test_nothing_of_a_client_is_kept_once_all_is_answered() -> None:
    admission = Admission(Limits())
    admission.enter("a", 5)
    admission.leave("a", 5)
    assert not admission.requests and not admission.memory and not admission.total_memory
