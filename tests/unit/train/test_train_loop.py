from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from mnistx_train.datasets import Split, TrainingData
from mnistx_train.errors import TrainError
from mnistx_train.inference import log_probs
from mnistx_train.loop import Epoch, State, fresh_state, load_state, run_epoch, save_state
from mnistx_train.recipes import Recipe, recipe

CPU = torch.device("cpu")


def fresh(seed: int = 0) -> State:
    return fresh_state(recipe("report"), 10, 0.001, seed, CPU)


def trained(data: TrainingData, epochs: int, seed: int = 0, state: State | None = None) -> State:
    state = state or fresh(seed)
    for _ in range(epochs):
        run_epoch(state, recipe("report"), data, 32, seed)
    return state


def same_tensors(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def same_weights(one: State, other: State) -> bool:
    return same_tensors(one.network.state_dict(), other.network.state_dict())


def timeless(history: list[Epoch]) -> list[Epoch]:
    return [replace(epoch, seconds=0) for epoch in history]


def test_resumed_run_equals_the_uninterrupted_one_bit_for_bit(tmp_path: Path, small: TrainingData) -> None:
    straight = trained(small, 2)
    stopped = trained(small, 1)
    save_state(tmp_path / "state", stopped)

    resumed = fresh()
    load_state(tmp_path / "state", resumed)
    assert resumed.history == stopped.history
    trained(small, 1, state=resumed)

    assert same_weights(straight, resumed)
    moments = [state.optimizer.state_dict()["state"] for state in (straight, resumed)]
    assert moments[0].keys() == moments[1].keys() == set(range(8))
    assert all(same_tensors(moments[0][i], moments[1][i]) for i in moments[0])
    assert timeless(straight.history) == timeless(resumed.history)


def test_state_file_is_the_same_after_a_round_trip(tmp_path: Path, small: TrainingData) -> None:
    save_state(tmp_path / "once", trained(small, 1))
    state = fresh(seed=5)

    load_state(tmp_path / "once", state)
    save_state(tmp_path / "again", state)

    assert (tmp_path / "once").read_bytes() == (tmp_path / "again").read_bytes()


def test_weights_depend_on_nothing_but_the_seed(small: TrainingData) -> None:
    once = trained(small, 2)
    torch.manual_seed(123)
    again = fresh()
    for _ in range(2):
        trained(small, 1, state=again)
        torch.rand(7)
        np.random.rand(7)

    assert same_weights(once, again)
    assert timeless(once.history) == timeless(again.history)


def test_another_seed_gives_other_weights(small: TrainingData) -> None:
    assert same_weights(fresh(0), fresh(0))
    assert not same_weights(fresh(0), fresh(1))
    one = trained(small, 1, seed=0, state=fresh(0))
    other = trained(small, 1, seed=1, state=fresh(0))
    assert not same_weights(one, other)


def test_every_epoch_sees_every_image_once_in_an_order_of_its_own(small: TrainingData) -> None:
    orders: list[list[int]] = []

    def recording(_split: Split, order: Tensor, size: int, *_: float) -> Iterator[tuple[Tensor, Tensor]]:
        orders.append(order.tolist())
        yield torch.zeros(size, 1, 28, 28), torch.zeros(size, dtype=torch.int64)

    state = fresh()
    for _ in range(3):
        run_epoch(state, replace(recipe("report"), batches=recording), small, 32, 0)

    assert [sorted(order) for order in orders] == [list(range(100))] * 3
    assert len({tuple(order) for order in orders}) == 3
    assert [epoch.number for epoch in state.history] == [1, 2, 3]


def test_training_loss_is_the_mean_over_images_not_over_steps(small: TrainingData) -> None:
    losses: list[float] = []
    epoch = run_epoch(fresh(), recipe("report"), small, 32, 0, losses.append)

    sizes = [32, 32, 32, 4]
    assert len(losses) == len(sizes)
    assert epoch.train_loss == pytest.approx(sum(s * x for s, x in zip(sizes, losses, strict=True)) / 100)
    assert epoch.train_loss != pytest.approx(sum(losses) / 4, rel=1e-6)


def test_training_lowers_the_loss(small: TrainingData) -> None:
    history = trained(small, 3).history

    assert history[-1].train_loss < history[0].train_loss
    assert history[-1].validation_loss < history[0].validation_loss


def test_validation_measures_the_network_after_the_epoch(small: TrainingData) -> None:
    state = trained(small, 1)
    (epoch,) = state.history

    answers = log_probs(state.network, small.validation.images, small.mean, small.std)
    right = answers.argmax(1) == small.validation.labels
    losses = [-float(answers[i, label]) for i, label in enumerate(small.validation.labels)]
    assert epoch.validation_accuracy == right.sum() / 40
    assert epoch.validation_loss == pytest.approx(sum(losses) / 40, rel=1e-12)


def test_validation_runs_without_gradients_in_evaluation_mode(small: TrainingData) -> None:
    seen: list[tuple[int, bool, bool]] = []

    def watch(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        seen.append((len(inputs[0]), module.training, torch.is_grad_enabled()))

    state = fresh()
    state.network.eval()
    state.network.register_forward_pre_hook(watch)
    run_epoch(state, recipe("report"), small, 50, 0)

    assert seen == [(50, True, True), (50, True, True), (40, False, False)]
    assert state.network.training


def test_validation_images_have_no_influence_on_the_weights(small: TrainingData) -> None:
    other = replace(small, validation=small.training.at(np.arange(7)))

    one, two = trained(small, 2), trained(other, 2)

    assert same_weights(one, two)
    assert one.history[0].validation_loss != two.history[0].validation_loss


def damaged(path: Path, damage: Callable[[bytes], bytes]) -> Path:
    save_state(path, fresh())
    path.write_bytes(damage(path.read_bytes()))
    return path


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda _: b"", id="empty"),
        pytest.param(lambda data: data[:5], id="cut in the length"),
        pytest.param(lambda data: data[:300], id="cut in the header"),
        pytest.param(lambda data: data[:-1], id="cut at the end"),
        pytest.param(lambda data: data.replace(b"mnistx", b"other!", 1), id="of another program"),
    ],
)
def test_damaged_state_is_refused(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    path = damaged(tmp_path / "state.safetensors", damage)

    with pytest.raises(TrainError, match=r"state\.safetensors is not a checkpoint of mnistx, or is damaged"):
        load_state(path, fresh())


def test_foreign_safetensors_are_no_state(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(1)}, tmp_path / "state.safetensors")

    with pytest.raises(TrainError, match="not a checkpoint of mnistx"):
        load_state(tmp_path / "state.safetensors", fresh())


def test_missing_state_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="no such checkpoint"):
        load_state(tmp_path / "state.safetensors", fresh())


def test_the_recipe_decides_how_weights_change(small: TrainingData) -> None:
    def still(network: nn.Module, _lr: float) -> torch.optim.Optimizer:
        return torch.optim.SGD(network.parameters(), lr=0.0)

    lazy: Recipe = replace(recipe("report"), optimizer=still)
    state = fresh_state(lazy, 10, 0.001, 0, CPU)
    run_epoch(state, lazy, small, 32, 0)

    assert same_weights(state, fresh(0))
