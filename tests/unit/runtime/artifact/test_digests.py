import numpy as np
import pytest

from mnistx_runtime.artifact.digests import part_digests, payload_sha256, sha256, weights_sha256


def test_the_digest_of_weights_sees_names_shapes_types_and_every_bit_but_not_the_order() -> None:
    a, b = np.zeros((2, 3), np.float32), np.ones(4, np.float32)
    digest = weights_sha256({"a": a, "b": b})
    assert digest == weights_sha256({"b": b, "a": a})
    nudged = a.copy()
    nudged[1, 2] = np.nextafter(np.float32(0), np.float32(1))
    others: list[dict[str, np.ndarray]] = [
        {"a": nudged, "b": b},
        {"a": a.reshape(3, 2), "b": b},
        {"c": a, "b": b},
        {"a": a.view(np.int32), "b": b},
    ]
    assert len({digest, *[weights_sha256(other) for other in others]}) == 5


def test_the_digest_of_weights_does_not_depend_on_how_they_lie_in_memory() -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    for same in (np.asfortranarray(array), array.astype(">f4"), np.repeat(array, 2, axis=1)[:, ::2]):
        assert weights_sha256({"a": same}) == weights_sha256({"a": array})


def test_the_digest_of_bytes_is_sha256() -> None:
    assert sha256(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.mark.parametrize(
    "other",
    [
        {"graph": b"nodes", "weights": b"number"},
        {"graph": b"nodesnumbers", "weights": b""},
        {"weights": b"nodes", "graph": b"numbers"},
        {"graph": b"nodes"},
        {"graph": b"nodes", "weights": b"numbers", "layout": b""},
        {f"graph {sha256(b'nodes')}\nweights": b"numbers"},
    ],
)
def test_the_digest_of_a_payload_sees_what_lies_in_which_part(other: dict[str, bytes]) -> None:
    parts = {"graph": b"nodes", "weights": b"numbers"}
    digest = payload_sha256(part_digests(parts))
    assert digest == payload_sha256(part_digests(dict(reversed(parts.items()))))
    assert digest != payload_sha256(part_digests(other))
