from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from torch import Tensor

from mnistx_train.datasets import TrainingData
from mnistx_train.errors import TrainError
from mnistx_train.network import Normalize, cnn
from mnistx_train.recipes import DEFAULT, RECIPES, best, recipe
from mnistx_train.recipes.schedules import one_cycle

every_recipe = pytest.mark.parametrize("name", RECIPES)
augmenting = pytest.mark.parametrize("name", [name for name in RECIPES if name != "fast"])


def batches(data: TrainingData, seed: int, name: str = "report") -> list[tuple[Tensor, Tensor]]:
    torch.manual_seed(seed)
    order = torch.arange(len(data.training)).flip(0)
    return list(recipe(name).batches(data, order, 32))


def test_report_is_the_default() -> None:
    assert recipe(DEFAULT).name == "report"


@every_recipe
def test_recipes_go_by_their_own_names(name: str) -> None:
    assert recipe(name).name == name


def test_unknown_recipe_is_refused_with_the_known_ones() -> None:
    with pytest.raises(TrainError, match="no recipe 'slow'; known: report"):
        recipe("slow")


def test_report_trains_ten_epochs_in_batches_of_64() -> None:
    report = recipe("report")

    assert (report.epochs, report.batch_size, report.lr) == (10, 64, 0.001)


def test_report_optimizes_all_weights_with_plain_adam() -> None:
    network = cnn()

    optimizer = recipe("report").optimizer(network, 0.25)

    assert type(optimizer) is torch.optim.Adam
    (group,) = optimizer.param_groups
    assert [id(p) for p in group["params"]] == [id(p) for p in network.parameters()]
    plain = torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))], lr=0.25).param_groups[0]
    assert {k: v for k, v in group.items() if k != "params"} == {k: v for k, v in plain.items() if k != "params"}


def test_report_augments_literally_as_the_report_says(monkeypatch: pytest.MonkeyPatch, small: TrainingData) -> None:
    composed: list[Sequence[Any]] = []
    compose = torchvision.transforms.Compose

    def recording(steps: Sequence[Any]) -> Any:
        composed.append(steps)
        return compose(steps)

    monkeypatch.setattr(torchvision.transforms, "Compose", recording)
    batches(small, 0)

    t = torchvision.transforms
    said = [
        t.RandomRotation(10),
        t.RandomResizedCrop(28, scale=(0.7, 1.0), ratio=(0.9, 1.1)),
        t.RandomAffine(0, translate=(0.1, 0.1)),
        t.ToTensor(),
        t.Normalize((small.mean,), (small.std,)),
    ]
    (done,) = composed
    assert [type(step) for step in done] == [type(step) for step in said]
    assert [repr(step) for step in done] == [repr(step) for step in said]


@every_recipe
def test_batches_follow_the_order_and_end_with_the_rest(small: TrainingData, name: str) -> None:
    found = batches(small, 0, name)

    assert [tuple(images.shape) for images, _ in found] == [(n, 1, 28, 28) for n in (32, 32, 32, 4)]
    assert torch.cat([labels for _, labels in found]).tolist() == small.training.labels[::-1].tolist()
    assert {images.dtype for images, _ in found} == {torch.float32}


@every_recipe
def test_augmented_images_are_normalized(small: TrainingData, name: str) -> None:
    images = torch.cat([images for images, _ in batches(small, 0, name)])

    black, white = -small.mean / small.std, (1 - small.mean) / small.std
    assert float(images.min()) == pytest.approx(black)
    assert white - 0.5 < float(images.max()) <= white + 1e-6


@every_recipe
def test_same_generator_seed_gives_the_same_batches(small: TrainingData, name: str) -> None:
    once, again = batches(small, 3, name), batches(small, 3, name)

    assert all(torch.equal(a, b) for (a, _), (b, _) in zip(once, again, strict=True))


@augmenting
def test_other_generator_seed_gives_other_images(small: TrainingData, name: str) -> None:
    once, other = batches(small, 3, name), batches(small, 4, name)

    assert not any(torch.equal(a, b) for (a, _), (b, _) in zip(once, other, strict=True))


@augmenting
def test_an_image_is_augmented_anew_each_time(small: TrainingData, name: str) -> None:
    torch.manual_seed(0)
    twice = torch.zeros(2, dtype=torch.int64)

    ((images, _),) = recipe(name).batches(small, twice, 2)

    assert not torch.equal(images[0], images[1])


@every_recipe
def test_augmentation_leaves_the_data_as_it_was(small: TrainingData, name: str) -> None:
    before = small.training.images.copy()

    batches(small, 0, name)

    assert np.array_equal(small.training.images, before)


def test_fast_sees_every_image_once_as_it_is(small: TrainingData) -> None:
    images = torch.cat([images for images, _ in batches(small, 0, "fast")]).flip(0)

    assert recipe("fast").epochs == 1
    pixels = torch.from_numpy(small.training.images)[:, None]
    assert torch.equal(images, Normalize(small.mean, small.std)(pixels))


@pytest.mark.parametrize(("names", "drawn"), [(tuple("0123456789"), True), (tuple("abcdefghij"), False)])
def test_best_writes_digits_otherwise_only_where_the_classes_are_digits(
    small: TrainingData, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...], drawn: bool
) -> None:
    calls: list[list[int]] = []

    def recorded(images: Tensor, labels: Tensor) -> Tensor:
        calls.append(labels.tolist())
        return images

    monkeypatch.setattr(best, "rewritten", recorded)

    batches(replace(small, names=names), 0, "best")

    assert bool(calls) == drawn


@pytest.mark.parametrize("name", ["fast", "best"])
def test_the_learning_rate_rises_and_falls_to_nothing(name: str) -> None:
    schedule = recipe(name).schedule

    rates = [schedule(step / 100) for step in range(101)]
    top = rates.index(max(rates))
    assert rates[top] == pytest.approx(1)
    assert rates[0] <= 0.1
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert rates[-1] == 0


def test_one_cycle_is_torchs_own() -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1.0, total_steps=1000, cycle_momentum=False)

    for step in range(999):
        assert one_cycle(step / 1000) == pytest.approx(optimizer.param_groups[0]["lr"], abs=0.008)
        optimizer.step()
        scheduler.step()
