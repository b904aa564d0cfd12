from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from mnistx_train import loop
from mnistx_train.datasets import TrainingData
from mnistx_train.errors import TrainError
from mnistx_train.inference import log_probs
from mnistx_train.loop import Epoch, State, fresh_state, load_state, run_epoch, save_state
from mnistx_train.network import cnn, fold_batch_norm
from mnistx_train.recipes import RECIPES, Recipe, recipe

CPU = torch.device("cpu")
REPORT = replace(recipe("report"), batch_size=32)


def fresh(seed: int = 0) -> State:
    return fresh_state(REPORT, 10, seed, CPU)


def trained(data: TrainingData, epochs: int, seed: int = 0, state: State | None = None) -> State:
    state = state or fresh(seed)
    for _ in range(epochs):
        run_epoch(state, REPORT, data, seed)
    return state


def same_tensors(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def same_weights(one: State, other: State) -> bool:
    return same_tensors(one.network.state_dict(), other.network.state_dict())


def timeless(history: list[Epoch]) -> list[Epoch]:
    return [replace(epoch, seconds=0) for epoch in history]


@pytest.mark.parametrize("name", RECIPES)
def test_resumed_run_equals_the_uninterrupted_one_bit_for_bit(tmp_path: Path, small: TrainingData, name: str) -> None:
    chosen = replace(recipe(name), batch_size=32, epochs=3)
    straight, stopped, resumed = (fresh_state(chosen, 10, 0, CPU) for _ in range(3))
    for _ in range(3):
        run_epoch(straight, chosen, small, 0)
    run_epoch(stopped, chosen, small, 0)
    save_state(tmp_path / "state", stopped)

    load_state(tmp_path / "state", resumed)
    assert resumed.history == stopped.history
    for _ in range(2):
        run_epoch(resumed, chosen, small, 0)

    assert same_weights(straight, resumed)
    assert same_tensors(straight.learner.state_dict(), resumed.learner.state_dict())
    moments = [state.optimizer.state_dict()["state"] for state in (straight, resumed)]
    assert moments[0].keys() == moments[1].keys() == set(range(len(list(straight.learner.parameters()))))
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

    def recording(_data: TrainingData, order: Tensor, size: int) -> Iterator[tuple[Tensor, Tensor]]:
        orders.append(order.tolist())
        yield torch.zeros(size, 1, 28, 28), torch.zeros(size, dtype=torch.int64)

    state = fresh()
    for _ in range(3):
        run_epoch(state, replace(REPORT, batches=recording), small, 0)

    assert [sorted(order) for order in orders] == [list(range(100))] * 3
    assert len({tuple(order) for order in orders}) == 3
    assert [epoch.number for epoch in state.history] == [1, 2, 3]


def test_an_epoch_of_a_share_sees_other_images_each_time(small: TrainingData) -> None:
    orders: list[list[int]] = []

    def recording(data: TrainingData, order: Tensor, size: int) -> Iterator[tuple[Tensor, Tensor]]:
        orders.append(order.tolist())
        yield from REPORT.batches(data, order, size)

    lrs: list[float] = []
    shared = replace(REPORT, batches=recording, share=0.4, epochs=2, schedule=lambda done: 1 - done)
    state = fresh()
    for _ in range(2):
        epoch = run_epoch(state, shared, small, 0, lambda *_: lrs.append(state.optimizer.param_groups[0]["lr"]))

    assert [len(order) for order in orders] == [40, 40] and set(orders[0]) != set(orders[1])
    assert all(len(set(order)) == 40 for order in orders)
    assert lrs == pytest.approx([0.001 * (1 - step / 4) for step in range(4)])
    assert 0 < epoch.train_loss < 10


def test_training_loss_is_the_mean_over_images_not_over_steps(small: TrainingData) -> None:
    losses: list[float] = []
    accuracies: list[float] = []

    def follow(loss: float, accuracy: float) -> None:
        losses.append(loss)
        accuracies.append(accuracy)

    epoch = run_epoch(fresh(), REPORT, small, 0, follow)

    sizes = [32, 32, 32, 4]
    assert len(losses) == len(sizes)
    seen = np.cumsum(sizes)
    assert all(
        share * count == pytest.approx(round(share * count)) for share, count in zip(accuracies, seen, strict=True)
    )
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
    state.learner.eval()
    for network in (state.learner, state.network):
        network.register_forward_pre_hook(watch)
    run_epoch(state, replace(REPORT, batch_size=50), small, 0)

    assert seen == [(50, True, True), (50, True, True), (40, False, False)]


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

    lazy: Recipe = replace(REPORT, optimizer=still, lr=0.0)
    state = fresh_state(lazy, 10, 0, CPU)
    run_epoch(state, lazy, small, 0)

    assert same_weights(state, fresh(0))


def test_the_schedule_follows_the_share_of_all_steps_that_are_done(small: TrainingData) -> None:
    asked: list[float] = []
    taken: list[float] = []

    def falling(done: float) -> float:
        asked.append(done)
        return 1 - done

    scheduled = replace(REPORT, epochs=2, lr=0.01, schedule=falling)
    state = fresh_state(scheduled, 10, 0, CPU)
    for _ in range(2):
        run_epoch(state, scheduled, small, 0, lambda *_: taken.append(state.optimizer.param_groups[0]["lr"]))

    assert asked == [step / 8 for step in range(8)]
    assert taken == pytest.approx([0.01 * (1 - step / 8) for step in range(8)])


def test_without_an_average_the_last_weights_answer(small: TrainingData) -> None:
    state = trained(small, 1)

    assert same_tensors(state.network.state_dict(), state.learner.state_dict())


def test_the_average_of_the_weights_answers_and_soon_forgets_the_first(small: TrainingData) -> None:
    averaged = replace(REPORT, average=0.2)
    state = fresh_state(averaged, 10, 0, CPU)
    expected = {name: tensor.clone() for name, tensor in state.network.state_dict().items()}
    keeps = iter([1 / 10, 2 / 11, 0.2, 0.2])  # (1 + step) / (10 + step), never more than 0.2

    def follow(_loss: float, _accuracy: float) -> None:
        keep = next(keeps)
        for name, tensor in state.learner.state_dict().items():
            expected[name] = keep * expected[name] + (1 - keep) * tensor

    epoch = run_epoch(state, averaged, small, 0, follow)

    found = state.network.state_dict()
    assert not same_tensors(found, state.learner.state_dict())
    assert all(torch.allclose(found[name], expected[name], atol=1e-6) for name in expected)
    answers = log_probs(state.network, small.validation.images, small.mean, small.std)
    assert epoch.validation_accuracy == (answers.argmax(1) == small.validation.labels).mean()


def test_dropout_zeroes_outputs_of_the_hidden_layer_only_while_training() -> None:
    seen: list[Tensor] = []
    plain, dropping = fresh(), fresh_state(replace(REPORT, dropout=0.5), 10, 0, CPU)
    dropping.learner.get_submodule("fc2").register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    images = torch.rand(50, 1, 28, 28)

    outputs = [network(images) for network in (plain.network, dropping.network, dropping.learner.eval())]
    dropping.learner.train()(images)

    assert all(torch.equal(outputs[0], output) for output in outputs[1:])
    still, trained = seen
    dropped = (trained == 0) & (still > 0)
    assert float(dropped.sum() / (still > 0).sum()) == pytest.approx(0.5, abs=0.05)
    assert torch.allclose(trained[~dropped], 2 * still[~dropped])


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_trains_the_same_network(name: str) -> None:
    state = fresh_state(recipe(name), 10, 0, CPU)

    for network in (state.network, state.learner):
        answering = fold_batch_norm(network).state_dict()
        assert {key: values.shape for key, values in answering.items()} == {
            k: v.shape for k, v in cnn().state_dict().items()
        }


def test_running_statistics_are_averaged_like_the_weights(small: TrainingData) -> None:
    chosen = replace(REPORT, batch_norm=True, average=0.5, epochs=1)
    state = fresh_state(chosen, 10, 0, CPU)
    run_epoch(state, chosen, small, 0)
    own, averaged = (
        network.get_submodule("norm2").get_buffer("running_var") for network in (state.learner, state.network)
    )
    assert not torch.equal(own, averaged) and torch.allclose(own, averaged, rtol=0.5)
    images = small.validation.images[:50]
    with_norm = log_probs(state.network, images, small.mean, small.std)
    np.testing.assert_allclose(
        log_probs(fold_batch_norm(state.network), images, small.mean, small.std), with_norm, atol=1e-4
    )


@pytest.mark.parametrize(
    ("asked", "can", "dtype"),
    [(True, True, torch.bfloat16), (True, False, torch.float32), (False, True, torch.float32)],
)
def test_fast_arithmetic_is_bfloat16_where_the_processor_computes_it(
    small: TrainingData, monkeypatch: pytest.MonkeyPatch, asked: bool, can: bool, dtype: torch.dtype
) -> None:
    monkeypatch.setattr(loop, "computes_bfloat16", lambda _: can)
    seen: set[torch.dtype] = set()
    chosen = replace(REPORT, fast_arithmetic=asked)
    state = fresh_state(chosen, 10, 0, CPU)
    state.learner.get_submodule("conv2").register_forward_hook(lambda *args: seen.add(args[2].dtype))

    run_epoch(state, chosen, small, 0)

    assert seen == {dtype}
    assert {tensor.dtype for tensor in state.network.state_dict().values()} == {torch.float32}
    assert (
        state.learner.get_submodule("conv2").get_parameter("weight").is_contiguous(memory_format=torch.channels_last)
        == asked
    )


def test_whether_the_processor_computes_bfloat16_is_known() -> None:
    assert loop.computes_bfloat16(CPU) in (True, False)
