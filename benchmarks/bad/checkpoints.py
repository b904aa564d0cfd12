"""Checkpoints that are damaged, another tool's, or say what can't be."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from bad.case import Case, edit, empty, half, pipe, write

_INPUT = {"channels": 1, "height": 28, "width": 28, "mean": None, "std": [0.3]}
_HALF = edit("run/model.safetensors", "c.safetensors", half)
_EXPORT = "mnistx export --format onnx --out e.onnx --checkpoint "


def _save(name: str, value: Callable[[], object]) -> Callable[[Path], object]:
    return lambda folder: torch.save(value(), folder / name)


def _card(**values: Any) -> Callable[[Path], object]:
    """A checkpoint whose card says something else."""

    def make(folder: Path) -> None:
        with safe_open(folder / "good/run/model.safetensors", framework="pt") as file:
            card = json.loads(file.metadata()["mnistx"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        save_file(tensors, folder / "c.safetensors", {"mnistx": json.dumps(card | values)})

    return make


def _other(folder: Path) -> None:
    save_file({"w": torch.zeros(2)}, folder / "c.safetensors")


def _dtype(folder: Path) -> None:
    """Weights of another type."""
    with safe_open(folder / "good/run/model.safetensors", framework="pt") as file:
        tensors = {name: file.get_tensor(name).half() for name in file.keys()}  # noqa: SIM118
        save_file(tensors, folder / "c.safetensors", file.metadata())


def _unfinished(folder: Path) -> None:
    shutil.copytree(folder / "good/run", folder / "run")
    (folder / "run/model.safetensors").unlink()


def _half(folder: Path) -> None:
    torch.save({"w": torch.zeros(999)}, folder / "w.pt")
    (folder / "w.pt").write_bytes(half((folder / "w.pt").read_bytes()))


def _sparse(folder: Path) -> None:
    with (folder / "c.safetensors").open("wb") as file:
        file.truncate(20 << 30)


CASES = (
    Case("a pipe as a checkpoint", f"{_EXPORT}c.safetensors", pipe("c.safetensors")),
    Case("no such checkpoint", f"{_EXPORT}no.safetensors"),
    Case("an empty file", f"{_EXPORT}c.safetensors", write("c.safetensors", b"")),
    Case("half a checkpoint", f"{_EXPORT}c.safetensors", _HALF),
    Case("a sparse file of 20 GB", f"{_EXPORT}c.safetensors", _sparse),
    Case("a state dict of torch.save's", f"{_EXPORT}w.pt", _save("w.pt", lambda: {"w": torch.zeros(2)})),
    Case(
        "an older one of torch.save's",
        f"{_EXPORT}w.pt",
        lambda folder: torch.save({"w": torch.zeros(2)}, folder / "w.pt", _use_new_zipfile_serialization=False),
    ),
    Case(
        "half of what torch.save wrote",
        f"{_EXPORT}w.pt",
        _half,
    ),
    Case("a pickle", f"{_EXPORT}w.pkl", write("w.pkl", b"\x80\x04cos\nsystem\n.")),
    Case("a Keras file", f"{_EXPORT}w.h5", write("w.h5", b"\x89HDF\r\n\x1a\n" + bytes(99))),
    Case("another tool's safetensors", f"{_EXPORT}c.safetensors", _other),
    Case("an artifact as a checkpoint", f"{_EXPORT}good/m.onnx"),
    Case("a picture as a checkpoint", f"{_EXPORT}good/three.jpg"),
    Case("a folder without a run", f"{_EXPORT}in", empty("in")),
    Case("a run that isn't finished", f"{_EXPORT}run", _unfinished),
    Case(
        "a mean that is nothing",
        f"{_EXPORT}c.safetensors",
        _card(input=_INPUT),
    ),
    Case("names that are a word", f"{_EXPORT}c.safetensors", _card(names="ab")),
    Case("a network that isn't known", f"{_EXPORT}c.safetensors", _card(network="resnet-50")),
    Case("an accuracy of 400%", f"{_EXPORT}c.safetensors", _card(test_accuracy=4)),
    Case("a newer schema", f"{_EXPORT}c.safetensors", _card(schema=99)),
    Case("classes without weights", f"{_EXPORT}c.safetensors", _card(names=["a", "b", "c"])),
    Case(
        "a user's own network, not named",
        f"{_EXPORT}c.safetensors",
        _card(network="n.py:build", network_sha256="0"),
    ),
    Case("weights in float16", f"{_EXPORT}c.safetensors", _dtype),
    Case("half a checkpoint, to measure", "mnistx evaluate c.safetensors --dataset digits", _HALF),
    Case(
        "half a checkpoint, to predict with",
        "mnistx predict good/three.jpg --model c.safetensors --runtime torch",
        _HALF,
    ),
    Case("a checkpoint that isn't there, to compare with", "mnistx compare good/m.onnx --against no.safetensors"),
    Case("a format that isn't known", "mnistx export --format onxx --checkpoint good/run --out e.onnx"),
    Case("another ending than the format's", "mnistx export --format onnx --checkpoint good/run --out e.tflite"),
    Case("several formats in one file", "mnistx export --format onnx --format pt2 --checkpoint good/run --out e.onnx"),
    Case("an operator set that isn't known", f"{_EXPORT}good/run --opset 3"),
    Case("a file as a folder", "mnistx export --format onnx --checkpoint good/run --out good/three.jpg/e.onnx"),
    Case("a tolerance that nothing meets", f"{_EXPORT}good/run --atol 1e-30", code=1, notes=1),
)
