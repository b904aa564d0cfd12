"""Checkpoints: one safetensors file, with a card of JSON in its header. No pickle is read or written."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from math import isfinite
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from mnistx_runtime.artifact.foreign_model import WEIGHTS, foreign_model
from mnistx_runtime.artifact.metadata import check_names
from mnistx_runtime.artifact.sizes import reason_against_size
from mnistx_runtime.backends import SUFFIXES
from mnistx_runtime.errors import BadInput
from mnistx_runtime.input_spec import InputSpec
from mnistx_runtime.system.files import write_whole
from mnistx_runtime.system.plain_file import SPECIAL, is_special
from mnistx_train.datasets.base import digit_spec
from mnistx_train.errors import TrainError, first_line
from mnistx_train.evaluation.inference import LOG_PROBABILITIES, OUTPUTS
from mnistx_train.networks.cnn import check_network_name, cnn
from mnistx_train.networks.network_file import read_network_file

KEY = "mnistx"  # one key only: safetensors writes several in no fixed order
SCHEMA = 2
NETWORK_COPY = "network.py"
"""Beside a checkpoint in its run folder: the copy of the file that its network is of, where that is a user's own."""

_ARTIFACT = (
    "an artifact, by its ending {}: name the .safetensors file or the run folder that it was made of; an .onnx file of "
    "any origin goes to `mnistx seal`"
)
_MOST_HEADER = 1 << 24  # bytes of JSON
_WHOLE = range(2**64)


@dataclass(frozen=True, kw_only=True)
class Card:
    """What is known of trained weights.

    Args:
        names: class names, in the order of the output's columns.
        input: of the network: its shape, mean and std, and what makes an image of a picture.
        dataset: what it was trained on.
        recipe: how.
        epochs: how long.
        batch_size: images a step.
        lr: learning rate.
        seed: of all that was drawn at random.
        validation_accuracy: share of the validation images read right after the last epoch, 0..1.
        test_accuracy: share of the test images read right, 0..1.
        temperature: what log-probabilities are divided by before they are given as probabilities; see `calibration`.
        network: a name of `NETWORKS`; of a user's own, its file and factory, as in "net.py:build".
        network_sha256: of that file; empty for a network of `NETWORKS`.
        output: what the network gives: "logits" or "log-probabilities"; those of `NETWORKS` give the latter.
    """

    names: tuple[str, ...]
    input: InputSpec
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
    network_sha256: str = ""
    output: str = LOG_PROBABILITIES

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values, with the schema."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return values | {"names": list(self.names), "input": self.input.to_dict(), "schema": SCHEMA}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Card":
        """The inverse of `to_dict`, of this schema or of schema 1; unknown values are passed over.

        Raises:
            TypeError, ValueError, KeyError, BadInput: a value is missing, of another type or out of its bounds.
        """
        names = values["names"]
        if not isinstance(names, list):
            raise TypeError("names is no list")
        check_names(tuple(names))
        known = {each.name: values[each.name] for each in fields(cls) if each.name in values}
        for name, value in known.items():
            check, allowed = _CHECKS.get(name, (_is_text, "a text"))
            if not check(value):
                raise ValueError(f"{name} must be {allowed}, not {value!r:.60}")
        if values["schema"] == 1:
            spec = digit_spec(tuple(names)).to_dict() | {"mean": [values["mean"]], "std": [values["std"]]}
        else:
            spec = values["input"]
        return cls(**known | {"names": tuple(names), "input": InputSpec.from_dict(spec)})


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value in _WHOLE


def _is_number(value: object, high: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value) and 0 <= value <= high


_CHECKS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "names": (lambda value: isinstance(value, list), "a list"),
    "input": (lambda value: isinstance(value, dict), "a table"),
    "epochs": (_is_whole, "a whole number"),
    "batch_size": (_is_whole, "a whole number"),
    "seed": (_is_whole, "a whole number"),
    "lr": (lambda value: _is_number(value, 1e6), "a number from 0"),
    "validation_accuracy": (lambda value: _is_number(value, 1), "a share, 0..1"),
    "test_accuracy": (lambda value: _is_number(value, 1), "a share, 0..1"),
    "temperature": (lambda value: _is_number(value, 1e6) and value > 0, "a number above 0"),
    "output": (lambda value: value in OUTPUTS, f"one of {', '.join(OUTPUTS)}"),
}
"""What a card's values must be; those that aren't here are texts."""


def save_tensors(path: Path, tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> None:
    """Write tensors and a JSON header as one whole file.

    Raises:
        BadInput: it can't be written.
    """
    write_whole(path, tensor_bytes(tensors, header))


def tensor_bytes(tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> bytes:
    """The content of a safetensors file: tensors of any device and memory format, and a JSON header."""
    copied = {  # clones, as some networks have one weight under two names
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format) for name, tensor in tensors.items()
    }
    return save(copied, {KEY: json.dumps(header, sort_keys=True)})


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The inverse of `save_tensors`.

    Raises:
        TrainError: the file is missing, damaged, or wasn't written by mnistx.
    """
    return _read(path, with_tensors=True)


def _read(path: Path, with_tensors: bool) -> tuple[dict[str, Tensor], dict[str, Any]]:
    if not path.is_file():
        what = SPECIAL if is_special(path) else f"no such checkpoint{_what_it_is(path.parent, '; this folder is ')}"
        raise TrainError(f"{path}: {what}")
    reason = reason_against_size(path.stat().st_size)
    if reason:
        raise TrainError(f"{path}: {reason}")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            if KEY not in metadata:
                raise TrainError(f"{path} is not a checkpoint of mnistx but {WEIGHTS}")
            text = metadata[KEY]
            if len(text) > _MOST_HEADER:
                raise ValueError(f"a header of {len(text):,} characters")
            header = json.loads(text)
            names = file.keys() if with_tensors else ()
            tensors = {name: file.get_tensor(name).clone() for name in names}  # the file may change, they mustn't
            return tensors, header
    except (SafetensorError, OSError, TypeError, ValueError, RecursionError) as error:
        what = _what_it_is(path, " but ") or f", or is damaged: {first_line(error)}"
        raise TrainError(f"{path} is not a checkpoint of mnistx{what}") from error


def _what_it_is(path: Path, joint: str) -> str:
    """What another tool's file or folder is, or an artifact of mnistx; empty where that isn't known."""
    artifact = path.suffix != ".safetensors" and path.suffix in SUFFIXES
    what = _ARTIFACT.format(path.suffix) if artifact else foreign_model(path)
    return what and f"{joint}{what}"


def save_checkpoint(path: Path, network: nn.Module, card: Card) -> None:
    """Write trained weights and their card.

    Raises:
        BadInput: it can't be written.
    """
    save_tensors(path, network.state_dict(), card.to_dict())


def load_card(path: Path) -> Card:
    """The card alone: no weight is read, and no code of a user's run.

    Raises:
        TrainError: the file is missing or damaged.
    """
    return _card(path, _read(path, with_tensors=False)[1])


def load_checkpoint(path: Path, network_source: Path | str | None = None) -> tuple[nn.Module, Card]:
    """The trained network, in evaluation mode, and its card.

    Args:
        path: of the file.
        network_source: where the network is a user's own: its Python file, FILE.py or FILE.py:FACTORY, such as the copy
            beside the checkpoint. It is run, so name none that you don't trust. It must be the file that the weights
            were trained with, byte for byte; where the checkpoint says that file lies, nobody asks.

    Raises:
        TrainError: the file is missing, damaged, or holds another network; or `network_source` is missing, isn't the
            file that the card means, or is given for one of mnistx's own networks.
    """
    tensors, header = _read(path, with_tensors=True)
    card = _card(path, header)
    try:
        if card.network_sha256:
            network = _network_of_user(path, card, network_source)
            network.load_state_dict(tensors)
            return network.eval(), card
        if network_source is not None:
            raise TrainError(f"{path} holds mnistx's own network {card.network!r}; no file of a user's belongs to it")
        with torch.device("meta"):  # no memory for what a damaged card may claim
            own = cnn(len(card.names), card.network, shape=card.input.shape)
        other = next((name for name, tensor in tensors.items() if tensor.dtype != torch.float32), None)
        if other is not None:
            raise TypeError(f"{other} is {tensors[other].dtype}, not float32")
        own.load_state_dict(tensors, assign=True)
    except (KeyError, TypeError, RuntimeError) as error:
        raise TrainError(f"{path} doesn't hold this network and its card: {' '.join(str(error).split())}") from error
    return own.eval(), card


def _card(path: Path, header: Any) -> Card:
    try:
        schema = header["schema"]
        if not isinstance(schema, int) or schema < 1:
            raise ValueError(f"schema {schema!r:.60}")
        if schema <= SCHEMA:
            card = Card.from_dict(header)
            if not card.network_sha256:
                check_network_name(card.network)
            return card
    except (KeyError, TypeError, ValueError, OverflowError, BadInput) as error:
        raise TrainError(f"{path} doesn't hold this network and its card: {first_line(error)}") from error
    raise TrainError(f"{path} was written by a newer mnistx; update mnistx-train")


def _network_of_user(path: Path, card: Card, source: Path | str | None) -> nn.Module:
    factory = card.network.rpartition(":")[2]
    if source is None:
        beside = path.with_name(NETWORK_COPY)
        file = beside if beside.is_file() else "FILE.py"
        raise TrainError(
            f"{path} is of a user's own network, {card.network}: loading it runs that file. If you trust it, name it: "
            f"--network {file}:{factory} (in Python, network_source={str(file)!r})"
        )
    named = str(source) if ":" in Path(source).name else f"{source}:{factory}"
    given = read_network_file(named)
    if given.factory != factory or given.sha256 != card.network_sha256:
        raise TrainError(f"{path} was trained with another {card.network} than {named}")
    return given.build(len(card.names), card.input)
