"""Bodies of the Open Inference Protocol. The first line says how many bytes of the rest are JSON; none for all."""

import json
from contextlib import suppress
from typing import Any

import numpy as np

from fuzz.target import Target
from mnistx_runtime.errors import MnistxError
from mnistx_runtime.serve.protocol import Takes, format_answer, parse_request

TAKES = Takes("m", (1, 4, 4), 2)


def _seeds() -> list[bytes]:
    def body(follow: bytes, **tensor: Any) -> bytes:
        inputs = [{"name": "image", "datatype": "UINT8", "shape": [2, 1, 4, 4], **tensor}]
        asked = {"id": "7", "inputs": inputs, "outputs": [{"name": "log_probs", "parameters": {"binary_data": True}}]}
        text = json.dumps(asked).encode()
        return (str(len(text)).encode() if follow else b"") + b"\n" + text + follow

    binary = body(bytes(range(32)), parameters={"binary_data_size": 32})
    nested = np.arange(32).reshape(2, 1, 4, 4).tolist()
    return [binary, body(b"", data=list(range(32))), body(b"", data=nested), b"\n[]", b""]


def _read(data: bytes) -> None:
    head, _, body = data.partition(b"\n")
    length = int(head[:9]) if head[:9].isdigit() else None
    try:
        asked = parse_request(body, length, TAKES)
    except MnistxError as error:
        assert "\n" not in str(error), str(error)
        return
    assert asked.images.dtype == np.uint8 and asked.images.shape[1:] == TAKES.shape
    with suppress(MnistxError):
        format_answer(asked, "m", np.zeros((len(asked.images), TAKES.classes), np.float32))


INFERENCE = Target(_seeds, _read)
