"""Checkpoints: the whole file, and the card alone in a file that is sound otherwise."""

import json

import torch
from safetensors.torch import save

from fuzz.target import Target, folder_of
from mnistx_runtime.errors import MnistxError
from mnistx_runtime.input_spec import InputSpec
from mnistx_train.checkpoint import KEY, Card, load_card, load_checkpoint

_CARD = Card(
    names=("cat", "dog"),
    input=InputSpec(channels=1, height=8, width=8, mean=(0.5,), std=(0.5,), preprocess="resize"),
    dataset="seeds",
    recipe="report",
    epochs=1,
    batch_size=2,
    lr=0.1,
    seed=0,
    validation_accuracy=0.5,
    test_accuracy=0.5,
)


def _file(card: str) -> bytes:
    return save({"conv1.weight": torch.zeros(2, 1, 3, 3)}, {KEY: card})


def _read(data: bytes) -> None:
    with folder_of({"m.safetensors": data}) as folder:
        for read in (load_card, load_checkpoint):
            try:
                read(folder / "m.safetensors")
            except MnistxError as error:
                assert "\n" not in str(error), str(error)


def _read_card(data: bytes) -> None:
    _read(_file(data.decode(errors="replace")))


def cards() -> list[bytes]:
    """Cards of both schemas."""
    values = _CARD.to_dict()
    first = values | {"schema": 1, "mean": 0.5, "std": 0.5, "names": list("0123456789")}
    own = values | {"network": "net.py:build", "network_sha256": "0" * 64, "output": "logits"}
    return [json.dumps(each).encode() for each in (values, first, own)]


def seeds() -> list[bytes]:
    """A small file with each of the cards, and files of other tools."""
    return [
        *(_file(card.decode()) for card in cards()),
        save({"w": torch.zeros(1)}),
        b"\x80\x02}q\x00.",
        b"PK\x03\x04",
        b"",
    ]


CHECKPOINT = Target(seeds, _read)
CARD = Target(cards, _read_card)
