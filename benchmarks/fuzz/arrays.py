"""Arrays in the place of a picture and of a batch. The first bytes say type and shape, the others are the numbers."""

from contextlib import suppress
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fuzz.pictures import _predictor
from fuzz.target import Target
from mnistx_runtime.errors import MnistxError

_TYPES = ("u1", "u1", "u1", "i1", "f4", "f8", "?", "u2", "i8", "c8", "O", "U3", "M8[s]")


def array_from(data: bytes) -> NDArray[Any]:
    """The array that an input stands for; what numbers it lacks are zeros."""
    kind = np.dtype(_TYPES[data[0] % len(_TYPES)] if data else "u1")
    ndim = data[1] % 6 if len(data) > 1 else 0
    shape = [side % 64 for side in data[2 : 2 + ndim]]
    while prod(shape) * kind.itemsize > 1 << 20:
        shape.pop()
    size = prod(shape) * kind.itemsize
    if kind.hasobject:
        return np.full(shape, None)
    content = data[2 + ndim : 2 + ndim + size]
    if not kind.itemsize:
        return np.empty(shape, kind)
    array = np.frombuffer(content + bytes(size - len(content)), kind).reshape(shape)
    return array[..., ::-1] if array.ndim and data[-1] % 2 else array


def _read(data: bytes) -> None:
    array = array_from(data)
    predictor = _predictor()
    for answer in (predictor.predict, predictor.predict_many, predictor.predict_batch, predictor.log_probs):
        with suppress(MnistxError):
            answer(array)


def seeds() -> list[bytes]:
    """Pictures and batches of several types and shapes."""
    shapes: tuple[list[int], ...] = (
        [28, 28],
        [40, 30],
        [40, 30, 3],
        [40, 30, 4],
        [2, 28, 28],
        [2, 1, 28, 28],
        [0, 1, 28, 28],
        [],
        [5],
    )
    rng = np.random.default_rng(0)
    return [
        bytes([kind, len(shape), *shape]) + rng.integers(0, 256, min(prod(shape), 1 << 13), np.uint8).tobytes()
        for kind in (0, 4, 10)
        for shape in shapes
    ]


ARRAY = Target(seeds, _read)
