"""Networks of one's own, and specs, that can't be used."""

import pickle
from collections.abc import Callable
from pathlib import Path

import torch

from bad.case import Case, both, pipe, write
from bad.models import SPEC

_NET = "from torch import nn\n\ndef build():\n    return nn.Sequential(nn.Flatten(), nn.Linear(784, 10))\n"
_TRAIN = "mnistx train --dataset digits --epochs 1 --device cpu --out run --network "
_EXPORT = "mnistx export --format onnx --out e.onnx --spec s.toml"
_TOP = 'network = "n.py:build"\nweights = "w.pt"\n'


def _spec(text: str = _TOP + SPEC, net: str = _NET) -> Callable[[Path], object]:
    """A spec, a network and its weights."""

    def make(folder: Path) -> None:
        (folder / "s.toml").write_text(text)
        (folder / "n.py").write_text(net)
        torch.save({"1.weight": torch.zeros(10, 784), "1.bias": torch.arange(10.0)}, folder / "w.pt")

    return make


def _replaced(old: str, new: str) -> Callable[[Path], object]:
    assert old in _TOP + SPEC
    return _spec((_TOP + SPEC).replace(old, new))


class _Call:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        import os

        return os.system, ("touch called",)


CASES = (
    Case("a pipe as a spec", _EXPORT, pipe("s.toml")),
    Case("a pipe as a network", f"{_TRAIN}n.py:build", pipe("n.py")),
    Case("a network that isn't known", f"{_TRAIN}reprot"),
    Case("a file that isn't there", f"{_TRAIN}no.py:build"),
    Case("a file without that function", f"{_TRAIN}n.py:make", write("n.py", _NET)),
    Case("a file that is no Python", f"{_TRAIN}n.py:build", write("n.py", "def build(:\n")),
    Case("a file that fails", f"{_TRAIN}n.py:build", write("n.py", "import nowhere\n")),
    Case("a function that fails", f"{_TRAIN}n.py:build", write("n.py", "def build(classes):\n    return 1 / 0\n")),
    Case(
        "a function that gives no module", f"{_TRAIN}n.py:build", write("n.py", "def build(classes):\n    return 1\n")
    ),
    Case("no such spec", _EXPORT),
    Case("a spec that isn't filled in", _EXPORT, lambda folder: (folder / "s.toml").write_text("")),
    Case("a spec that is no TOML", _EXPORT, _spec("[[[\n")),
    Case("a spec nested 10,000 deep", _EXPORT, _spec("a = " + "[" * 10_000)),
    Case("a spec that is no text", _EXPORT, write("s.toml", b"\xff\xfe")),
    Case(
        "a word that means nothing",
        _EXPORT,
        _replaced("mean =", "means ="),
    ),
    Case("a mean of two channels", _EXPORT, _replaced("mean = [0.5]", "mean = [0.5, 0.5]")),
    Case("a deviation of 0", _EXPORT, _replaced("std = [0.5]", "std = [0.0]")),
    Case("a height of 0", _EXPORT, _replaced("height = 28", "height = 0")),
    Case("classes that are a number", _EXPORT, _replaced(SPEC.split("\n")[0], "classes = 10")),
    Case("one class twice", _EXPORT, _replaced('"9"', '"8"')),
    Case("an output that isn't known", _EXPORT, _replaced('"logits"', '"scores"')),
    Case("a preprocess that isn't known", _EXPORT, _replaced('"mnist-digit"', '"mnist"')),
    Case("weights that aren't there", _EXPORT, _replaced('"w.pt"', '"no.pt"')),
    Case("weights that run code", _EXPORT, both(_spec(), lambda folder: torch.save(_Call(), folder / "w.pt"))),
    Case("weights that Python pickled", _EXPORT, both(_spec(), write("w.pt", pickle.dumps(_Call())))),
    Case("weights of another network", _EXPORT, both(_spec(), lambda f: torch.save({"a": torch.zeros(2)}, f / "w.pt"))),
    Case("a network with another count of classes", _EXPORT, _spec(net=_NET.replace("784, 10", "784, 9"))),
    Case("a network for another size", _EXPORT, _spec(net=_NET.replace("784", "785"))),
    Case("a spec and a checkpoint", f"{_EXPORT} --checkpoint good/run", _spec()),
    Case(
        "golden pictures without a spec",
        "mnistx export --format onnx --checkpoint good/run --golden-from in",
    ),
    Case("golden pictures that aren't there", f"{_EXPORT} --golden-from no", _spec()),
    Case("a spec with another ending", "mnistx spec init s.yaml"),
)
