from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from mnistx_runtime import InputSpec
from mnistx_train.checkpoint import save_tensors
from mnistx_train.datasets import DIGITS, Split, TrainingData
from mnistx_train.datasets.base import digit_spec
from mnistx_train.errors import TrainError
from mnistx_train.evaluation.inference import log_probs
from mnistx_train.networks.cnn import cnn, fold_batch_norm
from mnistx_train.networks.network_file import NetworkFile
from mnistx_train.recipes import RECIPES, Recipe, recipe
from mnistx_train.training import loop
from mnistx_train.training.loop import Epoch, State, fresh_state, load_state, run_epoch, save_state, teacher_network

CPU = torch.device("cpu")
REPORT = replace(recipe("report"), batch_size=32)


EMPTY = Split(np.zeros((0, 1, 28, 28), np.uint8), np.zeros(0, np.int64))
DIGIT_DATA = TrainingData(EMPTY, EMPTY, digit_spec(DIGITS), DIGITS)


def fresh(seed: int = 0, recipe: Recipe = REPORT) -> State:
    return fresh_state(recipe, DIGIT_DATA, seed, CPU)


def trained(data: TrainingData, epochs: int, seed: int = 0, state: State | None = None) -> State:
    state = state or fresh(seed)
    state.seed = seed
    for _ in range(epochs):
        run_epoch(state, data)
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
    straight, stopped, resumed = (fresh(recipe=chosen) for _ in range(3))
    for _ in range(3):
        run_epoch(straight, small)
    run_epoch(stopped, small)
    save_state(tmp_path / "state", stopped)

    load_state(tmp_path / "state", resumed)
    assert resumed.history == stopped.history
    for _ in range(2):
        run_epoch(resumed, small)

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

    state = fresh(recipe=replace(REPORT, batches=recording))
    for _ in range(3):
        run_epoch(state, small)

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
    state = fresh(recipe=shared)
    for _ in range(2):
        epoch = run_epoch(state, small, lambda *_: lrs.append(state.optimizer.param_groups[0]["lr"]))

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

    epoch = run_epoch(fresh(), small, follow)

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

    answers = log_probs(state.network, small.validation.images, small.spec)
    right = answers.argmax(1) == small.validation.labels
    losses = [-float(answers[i, label]) for i, label in enumerate(small.validation.labels)]
    assert epoch.validation_accuracy == right.sum() / 40
    assert epoch.validation_loss == pytest.approx(sum(losses) / 40, rel=1e-12)


def test_validation_runs_without_gradients_in_evaluation_mode(small: TrainingData) -> None:
    seen: list[tuple[int, bool, bool]] = []

    def watch(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        seen.append((len(inputs[0]), module.training, torch.is_grad_enabled()))

    state = fresh(recipe=replace(REPORT, batch_size=50))
    state.learner.eval()
    for network in (state.learner, state.network):
        network.register_forward_pre_hook(watch)
    run_epoch(state, small)

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

    with pytest.raises(TrainError, match=r"state\.safetensors is not a checkpoint of mnistx"):
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
    state = fresh(recipe=lazy)
    run_epoch(state, small)

    assert same_weights(state, fresh(0))


def test_the_schedule_follows_the_share_of_all_steps_that_are_done(small: TrainingData) -> None:
    asked: list[float] = []
    taken: list[float] = []

    def falling(done: float) -> float:
        asked.append(done)
        return 1 - done

    scheduled = replace(REPORT, epochs=2, lr=0.01, schedule=falling)
    state = fresh(recipe=scheduled)
    for _ in range(2):
        run_epoch(state, small, lambda *_: taken.append(state.optimizer.param_groups[0]["lr"]))

    assert asked == [step / 8 for step in range(8)]
    assert taken == pytest.approx([0.01 * (1 - step / 8) for step in range(8)])


def test_without_an_average_the_last_weights_answer(small: TrainingData) -> None:
    state = trained(small, 1)

    assert same_tensors(state.network.state_dict(), state.learner.state_dict())


def test_the_average_of_the_weights_answers_and_soon_forgets_the_first(small: TrainingData) -> None:
    averaged = replace(REPORT, average=0.2)
    state = fresh(recipe=averaged)
    expected = {name: tensor.clone() for name, tensor in state.network.state_dict().items()}
    keeps = iter([1 / 10, 2 / 11, 0.2, 0.2])  # (1 + step) / (10 + step), never more than 0.2

    def follow(_loss: float, _accuracy: float) -> None:
        keep = next(keeps)
        for name, tensor in state.learner.state_dict().items():
            expected[name] = keep * expected[name] + (1 - keep) * tensor

    epoch = run_epoch(state, small, follow)

    found = state.network.state_dict()
    assert not same_tensors(found, state.learner.state_dict())
    assert all(torch.allclose(found[name], expected[name], atol=1e-6) for name in expected)
    answers = log_probs(state.network, small.validation.images, small.spec)
    assert epoch.validation_accuracy == (answers.argmax(1) == small.validation.labels).mean()


def test_dropout_zeroes_outputs_of_the_hidden_layer_only_while_training() -> None:
    seen: list[Tensor] = []
    plain, dropping = fresh(), fresh(recipe=replace(REPORT, dropout=0.5))
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
    state = fresh(recipe=recipe(name))

    for network in (state.network, state.learner):
        assert isinstance(network, nn.Sequential)
        answering = fold_batch_norm(network).state_dict()
        assert {key: values.shape for key, values in answering.items()} == {
            k: v.shape for k, v in cnn().state_dict().items()
        }


def test_running_statistics_are_averaged_like_the_weights(small: TrainingData) -> None:
    chosen = replace(REPORT, batch_norm=True, average=0.5, epochs=1)
    state = fresh(recipe=chosen)
    run_epoch(state, small)
    own, averaged = (
        network.get_submodule("norm2").get_buffer("running_var") for network in (state.learner, state.network)
    )
    assert not torch.equal(own, averaged) and torch.allclose(own, averaged, rtol=0.5)
    images = small.validation.images[:50]
    with_norm = log_probs(state.network, images, small.spec)
    np.testing.assert_allclose(log_probs(state.answering_network, images, small.spec), with_norm, atol=1e-4)


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
    state = fresh(recipe=chosen)
    state.learner.get_submodule("conv2").register_forward_hook(lambda *args: seen.add(args[2].dtype))

    run_epoch(state, small)

    assert seen == {dtype}
    assert {tensor.dtype for tensor in state.network.state_dict().values()} == {torch.float32}
    assert (
        state.learner.get_submodule("conv2").get_parameter("weight").is_contiguous(memory_format=torch.channels_last)
        == asked
    )


def test_whether_the_processor_computes_bfloat16_is_known() -> None:
    assert loop.computes_bfloat16(CPU) in (True, False)


def test_a_state_of_another_network_is_told(tmp_path: Path) -> None:
    three = replace(DIGIT_DATA, names=("0", "1", "2"))
    save_state(tmp_path / "s", fresh_state(REPORT, three, 0, CPU))
    with pytest.raises(TrainError, match="isn't the state of this run"):
        load_state(tmp_path / "s", fresh())


@pytest.mark.parametrize("prefix", ["", "network."])
def test_a_checkpoint_is_no_state(tmp_path: Path, prefix: str) -> None:
    save_tensors(tmp_path / "s", {prefix + name: tensor for name, tensor in cnn().state_dict().items()}, {})
    with pytest.raises(TrainError, match="isn't the state of this run"):
        load_state(tmp_path / "s", fresh())


def test_a_run_that_diverges_says_so(small: TrainingData) -> None:
    state = fresh()
    nn.init.constant_(next(state.learner.parameters()), float("nan"))
    with pytest.raises(TrainError, match="no longer finite in epoch 1; train with a smaller --lr"):
        run_epoch(state, small)
    assert state.history == []


COLOURS = InputSpec(channels=3, height=16, width=20, mean=(0.4, 0.5, 0.6), std=(0.2, 0.25, 0.3), preprocess="resize")


@pytest.fixture(scope="module")
def colours() -> TrainingData:
    """40 images of two classes to learn from, told apart by their colour, and 20 to validate on."""
    random = np.random.default_rng(0)
    labels = np.arange(60) % 2
    images = random.integers(0, 100, (60, 3, 16, 20), np.uint8)
    images[np.arange(60), labels] += 100
    whole = Split(images, labels)
    return TrainingData(whole.at(np.arange(40)), whole.at(np.arange(40, 60)), COLOURS, ("red", "green"))


def test_the_reports_network_learns_colours_of_any_size(colours: TrainingData) -> None:
    state = fresh_state(replace(REPORT, batch_size=8, lr=0.01), colours, 0, CPU)
    for _ in range(3):
        epoch = run_epoch(state, colours)

    assert epoch.validation_accuracy == 1


OWN = """
import torch

class Net(torch.nn.Module):
    def __init__(self, classes, spec):
        super().__init__()
        self.conv = torch.nn.Conv2d(spec.channels, 8, 3, padding=1)
        self.norm = torch.nn.BatchNorm2d(8)
        self.linear = torch.nn.Linear(8, classes)

    def forward(self, images):
        return self.linear(torch.relu(self.norm(self.conv(images))).mean((2, 3))){end}
"""


def own(end: str = "") -> NetworkFile:
    return NetworkFile(Path("net.py"), "Net", OWN.replace("{end}", end).encode())


@pytest.mark.parametrize(("end", "output"), [("", "logits"), (".log_softmax(1)", "log-probabilities")])
def test_a_users_network_learns_whichever_of_both_it_gives(colours: TrainingData, end: str, output: str) -> None:
    state = fresh_state(replace(REPORT, batch_size=8, lr=0.03, network=own(end)), colours, 0, CPU)
    history = [run_epoch(state, colours) for _ in range(6)]

    assert state.output == output
    assert history[-1].validation_accuracy == 1 and history[-1].validation_loss < 0.3
    answers = log_probs(state.answering_network, colours.validation.images, COLOURS, output=output)
    assert np.exp(answers).sum(1) == pytest.approx(np.ones(20), abs=1e-5)
    losses = [-float(answers[i, label]) for i, label in enumerate(colours.validation.labels)]
    assert history[-1].validation_loss == pytest.approx(sum(losses) / 20, rel=1e-12)
    assert same_tensors(state.network.state_dict(), state.learner.state_dict())
    assert int(state.answering_network.state_dict()["norm.num_batches_tracked"]) == 30


def test_logits_and_log_probabilities_of_one_network_are_learned_alike(colours: TrainingData) -> None:
    states = [
        fresh_state(replace(REPORT, batch_size=8, network=own(end)), colours, 0, CPU) for end in ("", ".log_softmax(1)")
    ]
    one, two = (run_epoch(state, colours) for state in states)

    assert one.train_loss == pytest.approx(two.train_loss, rel=1e-4)
    assert one.validation_loss == pytest.approx(two.validation_loss, rel=1e-4)


def test_a_users_network_goes_on_bit_for_bit(tmp_path: Path, colours: TrainingData) -> None:
    chosen = replace(REPORT, batch_size=8, network=own())
    straight, stopped, resumed = (fresh_state(chosen, colours, 0, CPU) for _ in range(3))
    for _ in range(2):
        run_epoch(straight, colours)
    run_epoch(stopped, colours)
    save_state(tmp_path / "state", stopped)
    load_state(tmp_path / "state", resumed)
    run_epoch(resumed, colours)

    assert same_weights(straight, resumed)


@pytest.mark.parametrize(("batch", "fails"), [(39, True), (8, False), (13, True), (40, False)])
def test_a_last_batch_that_the_network_cannot_learn_from_is_told_before_training(
    colours: TrainingData, batch: int, fails: bool
) -> None:
    source = (
        OWN.replace("{end}", "")
        .replace("BatchNorm2d", "BatchNorm1d")
        .replace(
            "self.linear(torch.relu(self.norm(self.conv(images))).mean((2, 3)))",
            "self.linear(self.norm(self.conv(images).mean((2, 3))))",
        )
    )
    chosen = replace(REPORT, batch_size=batch, network=NetworkFile(Path("net.py"), "Net", source.encode()))
    if not fails:
        fresh_state(chosen, colours, 0, CPU)
        return
    with pytest.raises(TrainError, match=r"net\.py:Net: the network can't learn from a batch of 1: .*--batch-size"):
        fresh_state(chosen, colours, 0, CPU)


def test_a_teachers_network_is_frozen_and_answers_the_same() -> None:
    state = fresh(recipe=replace(REPORT, batch_norm=True, fast_arithmetic=True))
    images = torch.rand(5, 1, 28, 28)

    teacher = teacher_network(state)

    assert not any(values.requires_grad for values in teacher.parameters())
    assert torch.allclose(teacher(images), state.network(images), atol=1e-5)
