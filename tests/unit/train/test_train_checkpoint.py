import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from mnistx_train.checkpoint import KEY, Card, load_checkpoint, load_tensors, save_checkpoint, save_tensors
from mnistx_train.errors import TrainError
from mnistx_train.network import cnn

CARD = Card(
    names=("null", "één", "二"),
    mean=0.1307,
    std=0.3081,
    dataset="mine",
    recipe="report",
    epochs=3,
    batch_size=64,
    lr=0.1 + 0.2,
    seed=2**63,
    validation_accuracy=1 / 3,
    test_accuracy=2 / 3,
)


def network(classes: int = 3) -> torch.nn.Sequential:
    torch.manual_seed(0)
    return cnn(classes)


def test_round_trip_keeps_every_bit(tmp_path: Path) -> None:
    original = network()
    save_checkpoint(tmp_path / "model.safetensors", original, CARD)

    found, card = load_checkpoint(tmp_path / "model.safetensors")

    assert card == CARD
    assert not found.training
    weights = found.state_dict()
    assert list(weights) == list(original.state_dict())
    assert all(torch.equal(weights[name], tensor) for name, tensor in original.state_dict().items())


def test_same_network_and_card_give_the_same_bytes(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "once", network(), CARD)
    save_checkpoint(tmp_path / "again", network().eval(), replace(CARD))

    assert (tmp_path / "once").read_bytes() == (tmp_path / "again").read_bytes()


def test_card_lies_in_the_header_as_json(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "model", network(), CARD)

    data = (tmp_path / "model").read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])

    assert list(header["__metadata__"]) == [KEY]
    assert json.loads(header["__metadata__"][KEY]) == asdict(CARD) | {"names": list(CARD.names)}


def test_tensors_need_not_be_contiguous_or_detached(tmp_path: Path) -> None:
    tensor = torch.arange(6.0).reshape(2, 3).requires_grad_()
    save_tensors(tmp_path / "file", {"turned": tensor.T}, {"any": ["thing", 1]})

    tensors, header = load_tensors(tmp_path / "file")

    assert torch.equal(tensors["turned"], tensor.detach().T)
    assert header == {"any": ["thing", 1]}


def test_fields_of_later_versions_are_passed_over(tmp_path: Path) -> None:
    save_tensors(tmp_path / "model", network().state_dict(), asdict(CARD) | {"later": 1})

    assert load_checkpoint(tmp_path / "model")[1] == CARD


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda _: b"", id="empty"),
        pytest.param(lambda data: data[:7], id="cut in the length"),
        pytest.param(lambda data: data[:100], id="cut in the header"),
        pytest.param(lambda data: data[: len(data) // 2], id="cut in the weights"),
        pytest.param(lambda data: data[:-1], id="cut at the end"),
        pytest.param(lambda data: data + b"\0", id="too long"),
        pytest.param(lambda data: data.replace(b"mnistx", b"other!", 1), id="of another program"),
        pytest.param(lambda data: data.replace(b'{\\"batch', b'[\\"batch', 1), id="no JSON"),
        pytest.param(lambda _: b"\x80\x04\x95" + bytes(200), id="pickle"),
    ],
)
def test_damaged_checkpoint_is_refused(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "model.safetensors"
    save_checkpoint(path, network(), CARD)
    path.write_bytes(damage(path.read_bytes()))

    with pytest.raises(TrainError, match=r"model\.safetensors is not a checkpoint of mnistx, or is damaged"):
        load_checkpoint(path)


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}, {KEY: "not JSON"}])
def test_foreign_safetensors_are_refused(tmp_path: Path, metadata: dict[str, str] | None) -> None:
    save_file({"a": torch.zeros(3)}, tmp_path / "model.safetensors", metadata)

    with pytest.raises(TrainError, match="not a checkpoint of mnistx"):
        load_checkpoint(tmp_path / "model.safetensors")


@pytest.mark.parametrize("header", ["3", "[]", "{}", '{"names": ["a", "b"]}', '{"names": 3}'])
def test_checkpoint_without_a_card_is_refused(tmp_path: Path, header: str) -> None:
    save_file(network().state_dict(), tmp_path / "model.safetensors", {KEY: header})

    with pytest.raises(TrainError, match="doesn't hold this network and its card"):
        load_checkpoint(tmp_path / "model.safetensors")


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(lambda: cnn(4), id="a class more"),
        pytest.param(lambda: torch.nn.Sequential(torch.nn.Linear(784, 3)), id="other layers"),
        pytest.param(lambda: torch.nn.Sequential(cnn(3)), id="other names"),
    ],
)
def test_another_network_is_refused(tmp_path: Path, other: Callable[[], torch.nn.Module]) -> None:
    save_checkpoint(tmp_path / "model.safetensors", other(), CARD)

    with pytest.raises(TrainError, match=r"model\.safetensors doesn't hold this network and its card"):
        load_checkpoint(tmp_path / "model.safetensors")


@pytest.mark.parametrize("name", ["absent.safetensors", "."])
def test_missing_checkpoint_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(TrainError, match="no such checkpoint"):
        load_checkpoint(tmp_path / name)


def test_checkpoint_needs_a_folder(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="can't write"):
        save_checkpoint(tmp_path / "absent" / "model.safetensors", network(), CARD)
