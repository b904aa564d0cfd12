from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from mnistx_train.checkpoint import load_checkpoint
from mnistx_train.datasets import TrainingData, fonts
from mnistx_train.errors import NotAtHand, TrainError
from mnistx_train.recipes import NO_CLASS
from mnistx_train.recipes.fonts import FONTS, LOOK_LIKE_DIGITS, NO_DIGITS, START
from mnistx_train.training.loop import State, fresh_state, load_state, run_epoch, save_state

CPU = torch.device("cpu")


def fresh(data: TrainingData, start: Path = START) -> State:
    return fresh_state(replace(FONTS, batch_size=50, epochs=1, start=start), data, 0, CPU)


def test_digits_of_the_set_come_first_then_those_of_fonts_then_what_is_none(small: TrainingData) -> None:
    ((images, labels),) = FONTS.batches(small, torch.arange(100), 100)

    assert images.shape == (212, 1, 28, 28)
    assert labels[:100].tolist() == small.training.labels.tolist()
    assert int(labels[100:150].min()) >= 0 and labels[150:].tolist() == [NO_CLASS] * 62
    assert len(Counter(labels[100:150].tolist())) > 5


def test_what_looks_like_a_digit_is_not_taught_to_be_none() -> None:
    assert {*NO_DIGITS}.isdisjoint({*LOOK_LIKE_DIGITS, *"0123456789"})
    assert {*"OIlSZ/|"} <= {*LOOK_LIKE_DIGITS}
    assert len({*NO_DIGITS}) == len(NO_DIGITS)


def test_it_begins_as_the_network_that_it_starts_from(small: TrainingData) -> None:
    state = fresh(small)
    start = load_checkpoint(START)[0].state_dict()

    for network in (state.network, state.learner):
        assert all(torch.equal(start[name], values) for name, values in network.state_dict().items())
    assert state.teacher is not None


def test_the_teacher_stays_as_it_was(small: TrainingData) -> None:
    state = fresh(small)
    assert state.teacher is not None
    before = {name: values.clone() for name, values in state.teacher.state_dict().items()}
    first = {name: values.clone() for name, values in state.learner.state_dict().items()}

    run_epoch(state, small)

    assert all(torch.equal(before[name], values) for name, values in state.teacher.state_dict().items())
    assert not all(torch.equal(first[name], values) for name, values in state.learner.state_dict().items())


def test_without_its_start_it_says_so(small: TrainingData, tmp_path: Path) -> None:
    with pytest.raises(TrainError, match=r"recipe fonts goes on from .*gone\.safetensors: .*no such checkpoint"):
        fresh(small, tmp_path / "gone.safetensors")


def test_it_goes_on_with_the_same_classes_and_network_only(small: TrainingData) -> None:
    with pytest.raises(TrainError, match="which is network report for 0, 1"):
        fresh(replace(small, names=tuple("abcdefghij")))
    with pytest.raises(TrainError, match="network large for 0, 1"):
        fresh_state(replace(FONTS, network="large"), small, 0, CPU)


def test_without_fonts_it_is_refused_before_any_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(fonts.FONTS)
    with pytest.raises(NotAtHand, match="no fonts are at hand"):
        FONTS.check((1, 28, 28))


def test_it_goes_a_part_of_the_way_from_its_start(small: TrainingData, tmp_path: Path) -> None:
    start = load_checkpoint(START)[0].state_dict()
    states = [fresh_state(replace(FONTS, batch_size=50, epochs=1, learned=share), small, 0, CPU) for share in (0.25, 1)]
    epochs = [run_epoch(state, small) for state in states]

    part, whole = (state.answering_network.state_dict() for state in states)

    for name, first in start.items():
        torch.testing.assert_close(part[name], 0.75 * first + 0.25 * whole[name], rtol=0, atol=1e-6)
        assert not torch.equal(part[name], whole[name])
    assert epochs[0].train_loss == epochs[1].train_loss
    assert epochs[0].validation_loss != epochs[1].validation_loss
    save_state(tmp_path / "state.safetensors", states[0])
    again = fresh_state(states[0].recipe, small, 0, CPU)
    load_state(tmp_path / "state.safetensors", again)
    assert all(torch.equal(part[name], values) for name, values in again.answering_network.state_dict().items())
