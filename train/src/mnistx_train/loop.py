"""The training loop. An epoch depends on nothing but the state before it, the seed and its number.

So a run that was killed and goes on from its last whole epoch ends with the same weights, bit for bit.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from math import isfinite
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import nll_loss

from mnistx_train.checkpoint import load_tensors, save_tensors
from mnistx_train.datasets import TrainingData
from mnistx_train.errors import TrainError
from mnistx_train.inference import log_probs
from mnistx_train.network import cnn
from mnistx_train.recipes import Recipe


@dataclass(frozen=True)
class Epoch:
    """What one epoch came to.

    Args:
        number: from 1.
        train_loss: mean negative log-likelihood over the augmented training images, as they were seen.
        validation_loss: the same over the validation images, after the epoch.
        validation_accuracy: share of them read right, 0..1.
        seconds: wall time.
    """

    number: int
    train_loss: float
    validation_loss: float
    validation_accuracy: float
    seconds: float


@dataclass
class State:
    """Where a run stands between two epochs."""

    network: nn.Sequential
    optimizer: torch.optim.Optimizer
    history: list[Epoch]


def fresh_state(recipe: Recipe, classes: int, lr: float, seed: int, device: torch.device) -> State:
    """A network with the seed's first weights."""
    torch.manual_seed(seed)
    network = cnn(classes).to(device)
    return State(network, recipe.optimizer(network, lr), [])


def save_state(path: Path, state: State) -> None:
    """Write all that the next epoch depends on, as one whole file."""
    optimizer = state.optimizer.state_dict()
    moments = {f"optimizer.{i}.{k}": t for i, held in optimizer["state"].items() for k, t in held.items()}
    network = {f"network.{name}": tensor for name, tensor in state.network.state_dict().items()}
    header = {"groups": optimizer["param_groups"], "history": [asdict(epoch) for epoch in state.history]}
    save_tensors(path, network | moments, header)


def load_state(path: Path, state: State) -> None:
    """Bring a fresh state to where the file was written.

    Raises:
        TrainError: the file is damaged, or is the state of another run.
    """
    tensors, header = load_tensors(path)
    try:
        _restore(state, tensors, header)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise TrainError(f"{path} isn't the state of this run; was its data changed? ({error})") from error


def _restore(state: State, tensors: dict[str, Tensor], header: dict[str, Any]) -> None:
    held: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith("optimizer."):
            _, index, key = name.split(".", 2)
            held.setdefault(int(index), {})[key] = tensor
    prefix = "network."
    state.network.load_state_dict({n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)})
    state.optimizer.load_state_dict({"state": held, "param_groups": header["groups"]})
    state.history[:] = [Epoch(**values) for values in header["history"]]


def run_epoch(
    state: State,
    recipe: Recipe,
    data: TrainingData,
    batch_size: int,
    seed: int,
    on_step: Callable[[float], None] = lambda _: None,
) -> Epoch:
    """Learn from every training image once, then look at the validation images without gradients.

    Args:
        state: changed in place; its history gets the new epoch.
        recipe: what augments the images.
        data: training and validation images.
        batch_size: images a step.
        seed: of the whole run.
        on_step: called with each step's loss.

    Raises:
        TrainError: the loss is no longer finite.
    """
    began = perf_counter()
    number = len(state.history) + 1
    torch.manual_seed(_epoch_seed(seed, number))
    order = torch.randperm(len(data.training))
    device = next(state.network.parameters()).device
    state.network.train()
    total = 0.0
    for images, labels in recipe.batches(data.training, order, batch_size, data.mean, data.std):
        loss = nll_loss(state.network(images.to(device)), labels.to(device))
        state.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        state.optimizer.step()
        value = loss.item()
        if not isfinite(value):
            raise TrainError(f"the loss is no longer finite in epoch {number}; train with a smaller --lr")
        total += value * len(labels)
        on_step(value)
    answers = log_probs(state.network, data.validation.images, data.mean, data.std)
    labels_at = np.arange(len(answers)), data.validation.labels
    epoch = Epoch(
        number=number,
        train_loss=total / len(data.training),
        validation_loss=float(-answers[labels_at].astype(np.float64).mean()),
        validation_accuracy=float((answers.argmax(1) == data.validation.labels).mean()),
        seconds=perf_counter() - began,
    )
    state.history.append(epoch)
    return epoch


def _epoch_seed(seed: int, number: int) -> int:
    words: Any = np.random.SeedSequence([seed, number]).generate_state(1, np.uint64)
    return int(words[0] >> 1)
