"""Checkpoints: one safetensors file, with a card of JSON in its header. No pickle is read or written."""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from mnistx_train.errors import TrainError
from mnistx_runtime.files import write_whole
from mnistx_train.network import cnn

KEY = "mnistx"  # one key only: safetensors writes several in no fixed order


@dataclass(frozen=True, kw_only=True)
class Card:
    """What is known of trained weights.

    Args:
        names: class names, in the order of the output's columns.
        mean: of the training pixels, 0..1.
        std: their standard deviation, 0..1.
        dataset: what it was trained on.
        recipe: how.
        epochs: how long.
        batch_size: images a step.
        lr: learning rate.
        seed: of all that was drawn at random.
        validation_accuracy: share of the validation images read right after the last epoch, 0..1.
        test_accuracy: share of the test images read right, 0..1.
        temperature: what log-probabilities are divided by before they are given as probabilities; see `calibration`.
        network: a name of `NETWORKS`.
        schema: version of these fields.
    """

    names: tuple[str, ...]
    mean: float
    std: float
    dataset: str
    recipe: str
    epochs: int
    batch_size: int
    lr: float
    seed: int
    validation_accuracy: float
    test_accuracy: float
    temperature: float = 1.0
    network: str = "report"
    schema: int = 1


def save_tensors(path: Path, tensors: dict[str, Tensor], header: dict[str, Any]) -> None:
    """Write tensors and a JSON header as one whole file.

    Raises:
        TrainError: it can't be written.
    """
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_whole(path, save(contiguous, {KEY: json.dumps(header, sort_keys=True)}))


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The inverse of `save_tensors`.

    Raises:
        TrainError: the file is missing, damaged, or wasn't written by mnistx.
    """
    if not path.is_file():
        raise TrainError(f"{path}: no such checkpoint")
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads(file.metadata()[KEY])
            return {name: file.get_tensor(name) for name in file.keys()}, header  # noqa: SIM118
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise TrainError(f"{path} is not a checkpoint of mnistx, or is damaged: {error}") from error


def save_checkpoint(path: Path, network: nn.Module, card: Card) -> None:
    """Write trained weights and their card.

    Raises:
        TrainError: it can't be written.
    """
    save_tensors(path, network.state_dict(), asdict(card))


def load_checkpoint(path: Path) -> tuple[nn.Sequential, Card]:
    """The trained network, in evaluation mode, and its card.

    Raises:
        TrainError: the file is missing, damaged, or holds another network.
    """
    tensors, header = load_tensors(path)
    try:
        if header["schema"] > Card.schema:
            raise TrainError(f"{path} was written by a newer mnistx; update mnistx-train")
        known = {field.name for field in fields(Card)}
        card = Card(**{name: header[name] for name in known if name in header} | {"names": tuple(header["names"])})
        network = cnn(len(card.names), card.network)
        network.load_state_dict(tensors)
    except (KeyError, TypeError, RuntimeError) as error:
        raise TrainError(f"{path} doesn't hold this network and its card: {error}") from error
    return network.eval(), card
