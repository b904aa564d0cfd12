import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from mnistx_runtime import InputSpec
from mnistx_train.errors import TrainError
from mnistx_train.networks.network_file import build_network, check_network, is_network_file, read_network_file

SPEC = InputSpec(channels=3, height=8, width=9, mean=(0.4, 0.5, 0.6), std=(0.2, 0.2, 0.3))

NET = """from __future__ import annotations
from dataclasses import dataclass
import torch

@dataclass
class Sizes:
    hidden: int = 4

def linear(classes):
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 8 * 9, classes))

def by_name(classes, width=1, *, spec):
    return linear(classes) if spec.shape == (3, 8, 9) and width == 1 else None

def second(classes, of_input):
    return by_name(classes, spec=of_input)

def defaults(classes, hidden=4, pretrained=False):
    assert hidden == 4 and pretrained is False
    return linear(classes)

def fixed():
    return linear(5)

class Module(torch.nn.Linear):
    def __init__(self, classes):
        super().__init__(9, classes)

def fails(classes):
    raise ValueError("too\\nmany")

def needs_more(classes, spec, depth):
    return linear(classes)

def text(classes):
    return "net"

number = 3
"""


@pytest.fixture
def net(tmp_path: Path) -> Path:
    (tmp_path / "net.py").write_text(NET)
    return tmp_path / "net.py"


def test_own_networks_and_files_are_told_apart() -> None:
    assert [is_network_file(name) for name in ("report", "wider-filters", "a/net.py:f", "net.py")] == [False] * 2 + [
        True
    ] * 2


@pytest.mark.parametrize("factory", ["linear", "by_name", "second", "defaults", "fixed", "Module"])
def test_factories_are_called_as_their_signature_asks(net: Path, factory: str) -> None:
    module = read_network_file(f"{net}:{factory}").build(5, SPEC)

    assert isinstance(module, nn.Module)
    assert next(p for p in reversed(list(module.parameters()))).shape == (5,)


@pytest.mark.parametrize(
    ("factory", "said"),
    [
        ("absent", "has no function or class 'absent'"),
        ("number", "has no function or class 'number'"),
        ("text", "text of .*net.py gives a str, not a torch.nn.Module"),
        ("fails", r"fails of .*net.py failed: ValueError: too \(line 30\)"),
        ("needs_more", r"needs_more of .*net.py failed: TypeError: .*depth"),
    ],
)
def test_what_gives_no_network_is_one_line(net: Path, factory: str, said: str) -> None:
    with pytest.raises(TrainError, match=said) as caught:
        read_network_file(f"{net}:{factory}").build(5, SPEC)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import no_such_package", r"ModuleNotFoundError: No module named 'no_such_package' \(line 1\)"),
        ("\n\ndef f(:", r"SyntaxError: .*\(line 3\)"),
        ("raise SystemExit(3)", r"SystemExit: 3 \(line 1\)"),
        ("\0", "can't be run: SyntaxError"),
    ],
)
def test_files_that_cannot_be_run_are_one_line(tmp_path: Path, source: str, said: str) -> None:
    (tmp_path / "net.py").write_text(source)
    with pytest.raises(TrainError, match=said) as caught:
        read_network_file("net.py:f", tmp_path).build(5, SPEC)
    assert "\n" not in str(caught.value)


def test_reading_a_file_runs_nothing_and_building_runs_what_was_read(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text("raise RuntimeError")
    found = read_network_file("net.py:build", tmp_path)
    path.write_text(NET)

    assert (found.name, len(found.sha256)) == ("net.py:build", 64)
    with pytest.raises(TrainError, match="RuntimeError"):
        found.build(5, SPEC)


@pytest.mark.parametrize("named", ["net.py", "net.py:", ":build", "net:build", "net.py:a.b", "net.txt:build"])
def test_names_without_a_file_and_a_factory_are_refused(net: Path, named: str) -> None:
    with pytest.raises(TrainError, match=r"names no network; write FILE\.py:FACTORY"):
        read_network_file(named, net.parent)


def test_a_file_that_is_no_code_is_refused(tmp_path: Path) -> None:
    (tmp_path / "net.py").mkdir()
    with pytest.raises(TrainError, match="Is a directory"):
        read_network_file("net.py:build", tmp_path)
    (tmp_path / "large.py").write_bytes(b"#" * (1 << 24 | 1))
    with pytest.raises(TrainError, match="more than 16 MiB"):
        read_network_file("large.py:build", tmp_path)


def test_a_file_imports_what_lies_beside_it_only_where_that_is_allowed(tmp_path: Path) -> None:
    (tmp_path / "mnistx_blocks_beside.py").write_text("import torch\nLayer = torch.nn.Linear\n")
    (tmp_path / "net.py").write_text(
        "from mnistx_blocks_beside import Layer\ndef build(classes):\n    return Layer(9, classes)\n"
    )
    with pytest.raises(TrainError, match="No module named 'mnistx_blocks_beside'"):
        read_network_file("net.py:build", tmp_path).build(5, SPEC)
    before = list(sys.path)
    assert isinstance(build_network(tmp_path, "net.py:build", SPEC, 5), nn.Linear)
    assert sys.path == before


def flat(*layers: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Flatten(), *layers)


def with_prior(*last: nn.Module) -> nn.Sequential:
    """Whose logits are the logarithms of the classes' shares before anything is learned."""
    linear = nn.Linear(216, 4)
    nn.init.zeros_(linear.weight)
    nn.init.constant_(linear.bias, -1.3862944)
    return flat(linear, *last)


@pytest.mark.parametrize(
    ("module", "output"),
    [
        (flat(nn.Linear(216, 4)), "logits"),
        (flat(nn.Linear(216, 4), nn.LogSoftmax(1)), "log-probabilities"),
        (with_prior(), "logits"),
        (with_prior(nn.LogSoftmax(1)), "log-probabilities"),
        (flat(nn.LazyLinear(4)), "logits"),
        (flat(nn.Linear(216, 8), nn.BatchNorm1d(8), nn.Dropout(), nn.Linear(8, 4)), "logits"),
    ],
)
def test_what_a_network_gives_is_seen_from_its_answers(module: nn.Sequential, output: str) -> None:
    module.train()
    assert check_network(module, 4, SPEC) == output
    torch.manual_seed(1)
    check_network(module, 4, SPEC)
    first = torch.rand(1)
    torch.manual_seed(1)

    assert torch.equal(torch.rand(1), first), "a trial must not move what training draws"
    assert all(layer.training for layer in module.modules())
    assert all(values.grad is None for values in module.parameters())


class Two(nn.Module):
    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return images, images


def not_a_number() -> nn.Module:
    module = flat(nn.Linear(216, 4))
    nn.init.constant_(next(module.parameters()), float("nan"))
    return module


class Detached(nn.Linear):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return super().forward(images.flatten(1)).detach()


@pytest.mark.parametrize(
    ("module", "said"),
    [
        (flat(nn.Linear(216, 5)), "answers with 5 columns, and there are 4 classes"),
        (flat(nn.Linear(784, 4)), r"can't take images of 8x9 in colour, \(4, 3, 8, 9\): .*shapes cannot be multiplied"),
        (nn.Conv2d(1, 4, 3), "can't take images of 8x9 in colour"),
        (nn.Conv2d(3, 4, 3), r"gives \(4, 4, 6, 7\) for images .* not \(N, classes\)"),
        (Two(), "gives a tuple; it must give a tensor"),
        (flat(nn.Linear(216, 4).requires_grad_(False)), "has no parameters to learn"),
        (nn.Sequential(nn.AdaptiveAvgPool2d((1, 4)), nn.Flatten(), nn.Unflatten(1, (3, 4)), nn.Flatten(0, 1)), "gives"),
        (not_a_number(), "gives NaN or infinite numbers before it has learned anything"),
        (flat(nn.Linear(216, 4), nn.Softmax(1)), "gives probabilities; leave the softmax out"),
        (flat(nn.Linear(216, 4)).double(), "can't take images"),
        (Detached(216, 4), "can't learn from a batch of 4: .*does not require grad"),
    ],
)
def test_what_cannot_be_trained_is_one_line(module: nn.Module, said: str) -> None:
    with pytest.raises(TrainError, match=said) as caught:
        check_network(module, 4, SPEC)
    assert "\n" not in str(caught.value)


def test_a_batch_of_one_is_tried_where_an_epoch_ends_with_one() -> None:
    module = flat(nn.Linear(216, 8), nn.BatchNorm1d(8), nn.Linear(8, 4))
    check_network(module, 4, SPEC, last_batch=2)
    with pytest.raises(TrainError, match=r"can't learn from a batch of 1: .*; choose another --batch-size"):
        check_network(module, 4, SPEC, last_batch=1)
