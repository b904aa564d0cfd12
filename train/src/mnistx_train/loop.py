"""The training loop. An epoch depends on nothing but the state before it, the seed and its number.

So a run that was killed and goes on from its last whole epoch ends with the same weights, bit for bit.
"""

import copy
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from math import isfinite
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import dropout
from torch.optim.swa_utils import get_ema_multi_avg_fn

from mnistx_train.checkpoint import load_tensors, save_tensors
from mnistx_train.datasets import TrainingData
from mnistx_train.errors import TrainError
from mnistx_train.inference import log_probs
from mnistx_train.loss import loss_of
from mnistx_train.network import cnn, fold_batch_norm, pool_before_relu
from mnistx_train.parallel import ALONE, Processes, data_parallel
from mnistx_train.recipes import Recipe


@dataclass(frozen=True)
class Epoch:
    """What one epoch came to.

    Args:
        number: from 1.
        train_loss: mean of the recipe's loss over the augmented training images, as they were seen.
        validation_loss: mean negative log-likelihood over the validation images, after the epoch.
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
    """Where a run stands between two epochs.

    Args:
        network: what answers, once it is `fold_batch_norm`; its weights are a moving average of the learner's.
        learner: what the optimizer changes.
        optimizer: with its moments.
        history: the epochs so far.
        teacher: whose answers are learned from, see `teacher_network`; None where the recipe has none.
    """

    network: nn.Sequential
    learner: nn.Sequential
    optimizer: torch.optim.Optimizer
    history: list[Epoch]
    teacher: nn.Module | None = None


def teacher_network(trained: State, recipe: Recipe) -> nn.Module:
    """The network of a state that was trained by a recipe, as it answers quickest."""
    network = pool_before_relu(fold_batch_norm(trained.network)).requires_grad_(False)
    return network.to(memory_format=torch.channels_last) if recipe.fast_arithmetic else network


def fresh_state(recipe: Recipe, classes: int, seed: int, device: torch.device) -> State:
    """A network with the seed's first weights."""
    torch.manual_seed(seed)
    learner = cnn(classes, recipe.network, recipe.batch_norm).to(device)
    if recipe.fast_arithmetic:
        learner = learner.to(memory_format=torch.channels_last)
    network = copy.deepcopy(learner).eval()
    learner = pool_before_relu(learner)
    if recipe.dropout:
        learner.get_submodule("fc2").register_forward_pre_hook(partial(_dropped, recipe.dropout))
    return State(network, learner, recipe.optimizer(learner, recipe.lr), [])


def _dropped(share: float, layer: nn.Module, inputs: tuple[Tensor]) -> Tensor:
    return dropout(inputs[0], share, layer.training)


def save_state(path: Path, state: State) -> None:
    """Write all that the next epoch depends on, as one whole file."""
    optimizer = state.optimizer.state_dict()
    moments = {f"optimizer.{i}.{k}": t for i, held in optimizer["state"].items() for k, t in held.items()}
    networks = {"network": state.network, "learner": state.learner}
    weights = {f"{n}.{k}": t for n, network in networks.items() for k, t in network.state_dict().items()}
    header = {"groups": optimizer["param_groups"], "history": [asdict(epoch) for epoch in state.history]}
    save_tensors(path, weights | moments, header)


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
    for prefix, network in (("network.", state.network), ("learner.", state.learner)):
        network.load_state_dict({n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)})
    state.optimizer.load_state_dict({"state": held, "param_groups": header["groups"]})
    for parameter, moments in state.optimizer.state.items():
        for key, moment in moments.items():
            if moment.shape == parameter.shape:  # in the parameter's memory format, by which the fused step rounds
                moments[key] = torch.empty_like(parameter).copy_(moment)
    state.history[:] = [Epoch(**values) for values in header["history"]]


def run_epoch(
    state: State,
    recipe: Recipe,
    data: TrainingData,
    seed: int,
    on_step: Callable[[float, float], None] = lambda _loss, _accuracy: None,
    together: Processes = ALONE,
) -> Epoch:
    """Learn from the epoch's training images once, then look at the validation images without gradients.

    Args:
        state: changed in place; its history gets the new epoch.
        recipe: how to learn, and for how many epochs in all.
        data: training and validation images.
        seed: of the whole run.
        on_step: called with each step's loss, and the share of the epoch's images so far that was read right, 0..1.
        together: the processes that learn together.

    Raises:
        TrainError: the loss is no longer finite.
    """
    began = perf_counter()
    number = len(state.history) + 1
    torch.manual_seed(_epoch_seed(seed, number))
    order = torch.randperm(len(data.training))[: recipe.seen(len(data.training))]
    device = next(state.learner.parameters()).device
    half = recipe.fast_arithmetic and computes_bfloat16(device)
    steps = recipe.steps(len(data.training))
    state.learner.train()
    learner = data_parallel(state.learner, together)
    total, right, seen = 0.0, 0, 0
    for step, (images, labels) in enumerate(recipe.batches(data, order, recipe.batch_size), (number - 1) * steps):
        for group in state.optimizer.param_groups:
            group["lr"] = recipe.lr * recipe.schedule(step / (recipe.epochs * steps))
        share, wanted = together.share(images).to(device), together.share(labels).to(device)
        with together.rank_local_rng(step), torch.autocast(device.type, torch.bfloat16, enabled=half):
            answers = learner(share).float()
            taught = state.teacher(share).float() if state.teacher else None
        loss = loss_of(recipe, answers, wanted, taught) * together.weight(labels)
        state.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        state.optimizer.step()
        if recipe.average:
            _average(state, min(recipe.average, (1 + step) / (10 + step)))  # the first weights are soon forgotten
        value = loss.item()
        if not isfinite(value):
            raise TrainError(f"the loss is no longer finite in epoch {number}; train with a smaller --lr")
        total += value * len(labels) / together.count
        right += int((answers.argmax(1) == wanted).sum())
        seen += len(wanted)
        on_step(value, right / seen)
    if not recipe.average:
        _average(state, 0)
    read = log_probs(state.network, data.validation.images, data.mean, data.std)
    labels_at = np.arange(len(read)), data.validation.labels
    epoch = Epoch(
        number=number,
        train_loss=together.total(total) / len(order),
        validation_loss=float(-read[labels_at].astype(np.float64).mean()),
        validation_accuracy=float((read.argmax(1) == data.validation.labels).mean()),
        seconds=perf_counter() - began,
    )
    state.history.append(epoch)
    return epoch


def computes_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 itself: elsewhere it's slower than float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def _average(state: State, keep: float) -> None:
    get_ema_multi_avg_fn(keep)(_numbers(state.network), _numbers(state.learner), 0)  # type: ignore[no-untyped-call]


def _numbers(network: nn.Module) -> list[Tensor]:
    """Parameters, running means and variances, but not the number of batches."""
    return [*network.parameters(), *(buffer for buffer in network.buffers() if buffer.is_floating_point())]


def _epoch_seed(seed: int, number: int) -> int:
    words: Any = np.random.SeedSequence([seed, number]).generate_state(1, np.uint64)
    return int(words[0] >> 1)
