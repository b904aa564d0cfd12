import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from command import RELEASED
from mnistx_runtime import BadInput, InputSpec
from mnistx_train.checkpoint import (
    KEY,
    NETWORK_COPY,
    Card,
    load_card,
    load_checkpoint,
    load_tensors,
    save_checkpoint,
    save_tensors,
)
from mnistx_train.errors import TrainError
from mnistx_train.evaluation.inference import log_probs
from mnistx_train.networks.cnn import cnn
from mnistx_train.networks.network_file import read_network_file

CARD = Card(
    names=("null", "één", "二"),
    input=InputSpec(
        channels=1,
        height=28,
        width=28,
        mean=(0.1307,),
        std=(0.3081,),
        preprocess="mnist-digit",
        parameters={"reject": False},
    ),
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
    assert json.loads(header["__metadata__"][KEY]) == CARD.to_dict()


def test_tensors_need_not_be_contiguous_or_detached(tmp_path: Path) -> None:
    tensor = torch.arange(6.0).reshape(2, 3).requires_grad_()
    save_tensors(tmp_path / "file", {"turned": tensor.T}, {"any": ["thing", 1]})

    tensors, header = load_tensors(tmp_path / "file")

    assert torch.equal(tensors["turned"], tensor.detach().T)
    assert header == {"any": ["thing", 1]}


def test_fields_of_later_versions_are_passed_over(tmp_path: Path) -> None:
    save_tensors(tmp_path / "model", network().state_dict(), CARD.to_dict() | {"later": 1})

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

    with pytest.raises(TrainError, match=r"model\.safetensors is not a checkpoint of mnistx(, or is damaged| but )"):
        load_checkpoint(path)


@pytest.mark.parametrize("old", [False, True])
def test_a_state_dict_is_told_the_way_by_a_spec(tmp_path: Path, old: bool) -> None:
    path = tmp_path / "model.pth"
    torch.save(cnn().state_dict(), path, _use_new_zipfile_serialization=not old)

    for load in (load_card, load_checkpoint):
        with pytest.raises(TrainError, match=r"pth is not .* but what torch\.save wrote; `mnistx spec init "):
            load(path)


def test_weights_without_a_card_are_told_the_way_by_a_spec(tmp_path: Path) -> None:
    save_file(cnn().state_dict(), tmp_path / "model.safetensors")

    with pytest.raises(TrainError, match=r"but weights without the card .* `mnistx spec init "):
        load_checkpoint(tmp_path / "model.safetensors")


def test_an_artifact_is_no_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"\x08\x0a\x12\x03" * 40)

    with pytest.raises(TrainError, match=r"an artifact, by its ending \.onnx: name the \.safetensors .* `mnistx seal`"):
        load_checkpoint(tmp_path / "model.onnx")


def test_a_header_that_begins_as_pickles_do_is_read(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_checkpoint(path, network(), CARD)
    missing = (0x80 - path.read_bytes()[0]) % 256
    save_checkpoint(path, network(), replace(CARD, dataset="mine" + "e" * missing))
    assert path.read_bytes()[0] == 0x80

    assert load_checkpoint(path)[1].dataset.startswith("mine")


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
    with pytest.raises(BadInput, match="can't write"):
        save_checkpoint(tmp_path / "absent" / "model.safetensors", network(), CARD)


OLD = {name: value for name, value in CARD.to_dict().items() if name not in ("input", "output", "network_sha256")} | {
    "schema": 1,
    "mean": 0.1307,
    "std": 0.3081,
}


def test_a_card_of_schema_1_says_as_much_as_it_did(tmp_path: Path) -> None:
    save_tensors(tmp_path / "model", network().state_dict(), OLD)

    found, card = load_checkpoint(tmp_path / "model")

    assert card == CARD == load_card(tmp_path / "model")
    assert all(torch.equal(one, two) for one, two in zip(found.parameters(), network().parameters(), strict=True))


@pytest.mark.parametrize(("name", "schema"), [(RELEASED.name, 2), ("best.safetensors", 1)])
def test_checkpoints_that_were_released_are_read_with_their_own_bits(name: str, schema: int) -> None:
    tensors, header = load_tensors(RELEASED.with_name(name))
    found, card = load_checkpoint(RELEASED.with_name(name))
    images = np.random.default_rng(0).integers(0, 256, (50, 1, 28, 28), np.uint8)
    plain = cnn()
    plain.load_state_dict(tensors)

    assert header["schema"] == schema and card.names == tuple("0123456789")
    assert (card.input.mean, card.input.std) == ((0.1307,), (0.3081,))
    assert (card.input.shape, card.input.preprocess, dict(card.input.parameters)) == ((1, 28, 28), "mnist-digit", {})
    assert all(torch.equal(tensor, tensors[name]) for name, tensor in found.state_dict().items())
    assert np.array_equal(log_probs(found, images, card.input), log_probs(plain, images, card.input))


@pytest.mark.parametrize(
    "changed",
    [
        {"names": ["a", "a", "b"]},
        {"names": ["a"]},
        {"names": [f"{i}" for i in range(1001)]},
        {"names": ["a", 3]},
        {"names": "abc"},
        {"names": {"a": 1, "b": 2}},
        {"input": None},
        {"input": CARD.input.to_dict() | {"channels": 2}},
        {"input": CARD.input.to_dict() | {"height": 10**9}},
        {"input": CARD.input.to_dict() | {"std": [0.0]}},
        {"input": CARD.input.to_dict() | {"mean": [float("nan")]}},
        {"input": CARD.input.to_dict() | {"mean": [0.1, 0.2]}},
        {"input": CARD.input.to_dict() | {"preprocess": "os:system"}},
        {"input": CARD.input.to_dict() | {"preprocess_version": 99}},
        {"dataset": 3},
        {"recipe": None},
        {"epochs": -1},
        {"epochs": "3"},
        {"epochs": True},
        {"batch_size": 10**30},
        {"lr": float("inf")},
        {"seed": 1.5},
        {"validation_accuracy": 1.5},
        {"test_accuracy": float("nan")},
        {"temperature": 0},
        {"temperature": "warm"},
        {"network": ["report"]},
        {"network": "huge"},
        {"output": "tea leaves"},
        {"output": []},
        {"schema": "2"},
        {"schema": 0},
        {"network_sha256": 1},
    ],
    ids=str,
)
def test_a_damaged_card_is_one_clear_line(tmp_path: Path, changed: dict[str, Any]) -> None:
    save_tensors(tmp_path / "model", network().state_dict(), CARD.to_dict() | changed)

    with pytest.raises(TrainError, match="model ") as caught:
        load_checkpoint(tmp_path / "model")

    assert "\n" not in str(caught.value) and len(str(caught.value)) < 600


def test_a_card_that_claims_a_huge_network_takes_no_memory_for_it(tmp_path: Path) -> None:
    huge = CARD.to_dict() | {
        "input": InputSpec(channels=3, height=1024, width=1024, mean=(0.0,) * 3, std=(1.0,) * 3).to_dict()
    }
    save_tensors(tmp_path / "model", network().state_dict(), huge)

    with pytest.raises(TrainError, match="doesn't hold this network"):
        load_checkpoint(tmp_path / "model")


def test_a_card_nested_too_deep_is_refused(tmp_path: Path) -> None:
    save_file(network().state_dict(), tmp_path / "model", {KEY: "[" * 100_000})

    with pytest.raises(TrainError, match="is damaged"):
        load_card(tmp_path / "model")


def test_a_sparse_checkpoint_of_20_gb_is_not_read(tmp_path: Path) -> None:
    save_tensors(tmp_path / "model", network().state_dict(), CARD.to_dict())
    os.truncate(tmp_path / "model", 20 << 30)

    with pytest.raises(TrainError, match=r"21,474,836,480 bytes are no small model's; at most 1,073,741,824"):
        load_card(tmp_path / "model")


def test_weights_of_another_type_are_refused(tmp_path: Path) -> None:
    save_tensors(tmp_path / "model", network().half().state_dict(), CARD.to_dict())

    with pytest.raises(TrainError, match=r"float16, not float32"):
        load_checkpoint(tmp_path / "model")


def test_a_newer_checkpoint_asks_for_an_update(tmp_path: Path) -> None:
    save_tensors(tmp_path / "model", network().state_dict(), CARD.to_dict() | {"schema": 3})

    with pytest.raises(TrainError, match="written by a newer mnistx; update mnistx-train"):
        load_checkpoint(tmp_path / "model")


def test_weights_do_not_change_with_the_file(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "model", network(), CARD)
    found, _ = load_checkpoint(tmp_path / "model")
    data = (tmp_path / "model").read_bytes()
    with (tmp_path / "model").open("r+b") as file:
        file.write(bytes(len(data)))

    assert torch.equal(found.state_dict()["fc1.weight"], network().state_dict()["fc1.weight"])


def test_loading_draws_nothing(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "model", network(), CARD)
    torch.manual_seed(5)
    load_checkpoint(tmp_path / "model")
    first = torch.rand(1)
    torch.manual_seed(5)

    assert torch.equal(torch.rand(1), first)


SOURCE = """
from pathlib import Path
import torch

Path(__file__).with_name("was-run").touch()

class Twice(torch.nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.linear = torch.nn.Linear(784, classes)
        self.same = self.linear

    def forward(self, images):
        return self.linear(images.flatten(1))
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A checkpoint of a user's own network, with the copy of its file beside it; the file itself is gone."""
    (tmp_path / "net.py").write_text(SOURCE)
    file = read_network_file(str(tmp_path / "net.py") + ":Twice")
    (tmp_path / "net.py").unlink()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / NETWORK_COPY).write_bytes(file.source)
    torch.manual_seed(3)
    card = replace(CARD, network=file.name, network_sha256=file.sha256, output="logits")
    save_checkpoint(tmp_path / "run" / "model.safetensors", file.build(3, CARD.input), card)
    (tmp_path / "was-run").unlink()
    return tmp_path / "run" / "model.safetensors"


@pytest.mark.parametrize("factory", ["", ":Twice"])
def test_a_users_network_is_built_from_the_file_that_is_named(own: Path, factory: str) -> None:
    found, card = load_checkpoint(own, f"{own.with_name(NETWORK_COPY)}{factory}")

    assert (card.network, card.output, found.training) == ("net.py:Twice", "logits", False)
    weights = found.state_dict()
    assert torch.equal(weights["same.weight"], weights["linear.weight"])
    assert torch.equal(weights["linear.weight"], load_tensors(own)[0]["linear.weight"])
    assert log_probs(found, np.zeros((2, 1, 28, 28), np.uint8), card.input, output=card.output).shape == (2, 3)


def test_no_file_of_a_user_is_run_unless_it_is_named(own: Path) -> None:
    copy = own.with_name(NETWORK_COPY)
    with pytest.raises(TrainError) as caught:
        load_checkpoint(own)

    assert f"--network {copy}:Twice" in str(caught.value) and "\n" not in str(caught.value)
    assert load_card(own).network == "net.py:Twice"
    assert not own.with_name("was-run").exists()


def test_another_file_than_the_trained_one_is_not_run(own: Path) -> None:
    other = own.with_name(NETWORK_COPY)
    other.write_text(SOURCE + "\n")

    for source in (other, f"{other}:Twice", str(other)):
        with pytest.raises(TrainError, match=r"was trained with another net\.py:Twice than"):
            load_checkpoint(own, source)
    assert not own.with_name("was-run").exists()
    other.write_text(SOURCE)
    with pytest.raises(TrainError, match="was trained with another"):
        load_checkpoint(own, f"{other}:torch")
    with pytest.raises(TrainError, match=r"absent\.py: No such file"):
        load_checkpoint(own, own.with_name("absent.py"))


def test_a_file_for_one_of_mnistxs_own_networks_is_refused(own: Path, tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "model", network(), CARD)
    with pytest.raises(TrainError, match="mnistx's own network 'report'"):
        load_checkpoint(tmp_path / "model", own.with_name(NETWORK_COPY))
