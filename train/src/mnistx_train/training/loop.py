"""The training loop. An epoch depends on nothing but the state before it, the seed and its number.

So a run that was killed and goes on from its last whole epoch ends with the same weights, bit for bit.
"""

import copy
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from math import isfinite
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from safetensors.torch import load
from torch import Tensor, nn
from torch.nn.functional import dropout
from torch.optim.swa_utils import get_ema_multi_avg_fn

from mnistx_train.checkpoint import load_checkpoint, load_tensors, save_tensors, tensor_bytes
from mnistx_train.datasets.base import TrainingData
from mnistx_train.errors import TrainError, first_line
from mnistx_train.evaluation.inference import LOG_PROBABILITIES, LOGITS, log_probs
from mnistx_train.networks.cnn import cnn, fold_batch_norm, pool_before_relu
from mnistx_train.networks.network_file import NetworkFile, check_network
from mnistx_train.recipes import NO_CLASS, Recipe
from mnistx_train.training.loss import loss_of
from mnistx_train.training.parallel import ALONE, Processes, data_parallel


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
        recipe: how it learns, and for how many epochs in all.
        seed: of all that is drawn at random.
        network: what answers, once it is `answering_network`; its weights are a moving average of the learner's.
        learner: what the optimizer changes.
        optimizer: with its moments.
        output: what both give: "logits" or "log-probabilities".
        history: the epochs so far.
        teacher: whose answers are learned from, see `teacher_network`; None where the recipe has none.
        start: the network that it goes on from; None where the first weights were drawn.
    """

    recipe: Recipe
    seed: int
    network: nn.Module
    learner: nn.Module
    optimizer: torch.optim.Optimizer
    output: str = LOG_PROBABILITIES
    history: list[Epoch] = field(default_factory=list)
    teacher: nn.Module | None = None
    start: nn.Module | None = None

    @property
    def answering_network(self) -> nn.Module:
        """The network as it is kept: without batch normalization where it's one of `NETWORKS`."""
        network = self.blended_network
        if isinstance(self.recipe.network, NetworkFile) or not isinstance(network, nn.Sequential):
            return network
        return fold_batch_norm(network)

    @property
    def blended_network(self) -> nn.Module:
        """Between the start and what was learned, as far as the recipe says."""
        if self.start is None or self.recipe.learned == 1:
            return self.network
        blended = copy.deepcopy(self.start)
        _blend(blended, self.network, 1 - self.recipe.learned)
        return blended.to(memory_format=torch.channels_last) if self.recipe.fast_arithmetic else blended


def teacher_network(trained: State) -> nn.Module:
    """The network of a teacher's state, as it answers quickest."""
    return _fixed(trained.answering_network, trained.recipe)


def _fixed(network: nn.Module, recipe: Recipe) -> nn.Module:
    if isinstance(network, nn.Sequential):
        network = pool_before_relu(network)
    network = network.requires_grad_(False)
    return network.to(memory_format=torch.channels_last) if recipe.fast_arithmetic else network


def fresh_state(recipe: Recipe, data: TrainingData, seed: int, device: torch.device) -> State:
    """A network with the seed's first weights, or with those of the recipe's `start`.

    Args:
        recipe: how it will learn.
        data: what from: its spec and its classes say what the network takes and gives.
        seed: of all that is drawn at random.
        device: where it learns.

    Raises:
        TrainError: the network is a user's own and can't be trained, see `check_network`; or the checkpoint to start
            from is missing, or of another network or other classes.
    """
    torch.manual_seed(seed)
    if isinstance(recipe.network, NetworkFile):
        return _fresh_state_of_user(recipe, data, seed, device)
    own = cnn(len(data.names), recipe.network, recipe.batch_norm, data.spec.shape).to(device)
    start = None
    if recipe.start:
        start = _start_network(recipe, recipe.start, data).to(device)
        own.load_state_dict(start.state_dict())
    if recipe.fast_arithmetic:
        own = own.to(memory_format=torch.channels_last)
    network = copy.deepcopy(own).eval()
    learner = pool_before_relu(own)
    if recipe.dropout:
        learner.get_submodule("fc2").register_forward_pre_hook(partial(_drop_out, recipe.dropout))
    state = State(recipe, seed, network, learner, recipe.optimizer(learner, recipe.lr), start=start)
    if start and recipe.teacher and recipe.teacher.recipe is None:
        state.teacher = _fixed(copy.deepcopy(start), recipe)
    return state


def _start_network(recipe: Recipe, path: Path, data: TrainingData) -> nn.Module:
    try:
        network, card = load_checkpoint(path)
    except TrainError as error:
        raise TrainError(f"recipe {recipe.name} goes on from {path}: {error}") from error
    found, wanted = (card.network, card.names, card.input.shape), (recipe.network, data.names, data.spec.shape)
    if found != wanted:
        raise TrainError(
            f"recipe {recipe.name} goes on from {path}, which is network {card.network} for {', '.join(card.names)}; "
            f"network {recipe.network} for {', '.join(data.names):.60} can't be made of it"
        )
    return network


def _fresh_state_of_user(recipe: Recipe, data: TrainingData, seed: int, device: torch.device) -> State:
    assert isinstance(recipe.network, NetworkFile)
    learner = recipe.network.build(len(data.names), data.spec).to(device)
    last = recipe.images_per_epoch(len(data.training)) % recipe.batch_size or recipe.batch_size
    try:
        output = check_network(learner, len(data.names), data.spec, last)
        optimizer = recipe.optimizer(learner, recipe.lr)
    except (TrainError, ValueError) as error:
        raise TrainError(f"{recipe.network.name}: {error}") from error
    return State(recipe, seed, copy.deepcopy(learner).eval(), learner, optimizer, output)


def _drop_out(share: float, layer: nn.Module, inputs: tuple[Tensor]) -> Tensor:
    return dropout(inputs[0], share, layer.training)


def save_state(path: Path, state: State) -> None:
    """Write all that the next epoch depends on, as one whole file."""
    save_tensors(path, *_tensors_and_header(state))


def share_state(state: State, group: Processes) -> None:
    """Bring every process's state to where the first one's is."""
    tensors, header = _tensors_and_header(state)
    shared = group.broadcast(json.dumps(header).encode())
    content = group.broadcast(tensor_bytes(tensors, {}))
    if not group.first:
        _restore(state, load(content), json.loads(shared))


def _tensors_and_header(state: State) -> tuple[dict[str, Tensor], dict[str, Any]]:
    optimizer = state.optimizer.state_dict()
    moments = {f"optimizer.{i}.{k}": t for i, held in optimizer["state"].items() for k, t in held.items()}
    networks = {"network": state.network, "learner": state.learner}
    weights = {f"{n}.{k}": t for n, network in networks.items() for k, t in network.state_dict().items()}
    return weights | moments, {
        "groups": optimizer["param_groups"],
        "history": [asdict(epoch) for epoch in state.history],
    }


def load_state(path: Path, state: State) -> None:
    """Bring a fresh state to where the file was written.

    Raises:
        TrainError: the file is damaged, or is the state of another run.
    """
    tensors, header = load_tensors(path)
    try:
        _restore(state, tensors, header)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise TrainError(f"{path} isn't the state of this run; was its data changed? ({first_line(error)})") from error


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
    data: TrainingData,
    on_step: Callable[[float, float], None] = lambda _loss, _accuracy: None,
    group: Processes = ALONE,
) -> Epoch:
    """Learn from the epoch's training images once, then look at the validation images without gradients.

    Args:
        state: changed in place; its history gets the new epoch.
        data: training and validation images.
        on_step: called with each step's loss, and the share of the epoch's images so far that was read right, 0..1.
        group: the processes that learn together.

    Raises:
        TrainError: the loss is no longer finite.
    """
    start, recipe = perf_counter(), state.recipe
    number = len(state.history) + 1
    torch.manual_seed(_epoch_seed(state.seed, number))
    order = torch.randperm(len(data.training))[: recipe.images_per_epoch(len(data.training))]
    device = next(state.learner.parameters()).device
    half = recipe.fast_arithmetic and computes_bfloat16(device)
    steps = recipe.steps(len(data.training))
    state.learner.train()
    learner = data_parallel(state.learner, group)
    total, right, seen, count = 0.0, 0, 0, 0
    for step, (images, labels) in enumerate(recipe.batches(data, order, recipe.batch_size), (number - 1) * steps):
        for parameters in state.optimizer.param_groups:
            parameters["lr"] = recipe.lr * recipe.schedule(step / (recipe.epochs * steps))
        share, wanted = group.share(images).to(device), group.share(labels).to(device)
        with group.rank_local_rng(step), torch.autocast(device.type, torch.bfloat16, enabled=half):
            answers = learner(share).float()
            guide = state.teacher(share).float() if state.teacher else None
        if state.output == LOGITS:
            answers = answers.log_softmax(1)
        loss = loss_of(recipe, answers, wanted, guide) * group.weight(labels)
        state.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        state.optimizer.step()
        if recipe.average:
            _blend(
                state.network, state.learner, min(recipe.average, (1 + step) / (10 + step))
            )  # the first weights are soon forgotten
        value = loss.item()
        if not isfinite(value):
            raise TrainError(f"the loss is no longer finite in epoch {number}; train with a smaller --lr")
        total += value * len(labels) / group.count
        right += int((answers.argmax(1) == wanted).sum())
        seen += int((wanted != NO_CLASS).sum())
        count += len(labels)
        on_step(value, right / seen)
    if not recipe.average:
        _blend(state.network, state.learner, 0)
    found = log_probs(state.blended_network, data.validation.images, data.spec, output=state.output)
    labels_at = np.arange(len(found)), data.validation.labels
    epoch = Epoch(
        number=number,
        train_loss=group.total(total) / count,
        validation_loss=float(-found[labels_at].astype(np.float64).mean()),
        validation_accuracy=float((found.argmax(1) == data.validation.labels).mean()),
        seconds=perf_counter() - start,
    )
    state.history.append(epoch)
    return epoch


def computes_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 itself: elsewhere it's slower than float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def _blend(network: nn.Module, learner: nn.Module, keep: float) -> None:
    """Keep this share of the network's weights, and give it the learner's for the rest."""
    get_ema_multi_avg_fn(keep)(_floats(network), _floats(learner), 0)  # type: ignore[no-untyped-call]
    for kept, learned in zip(network.buffers(), learner.buffers(), strict=True):
        if not kept.is_floating_point():
            kept.copy_(learned)


def _floats(network: nn.Module) -> list[Tensor]:
    """Parameters, running means and variances, but not the number of batches."""
    return [*network.parameters(), *(buffer for buffer in network.buffers() if buffer.is_floating_point())]


def _epoch_seed(seed: int, number: int) -> int:
    words: Any = np.random.SeedSequence([seed, number]).generate_state(1, np.uint64)
    return int(words[0] >> 1)
