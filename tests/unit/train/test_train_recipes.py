from collections.abc import Sequence
from typing import Any

import pytest
import torch
import torchvision
from torch import Tensor

from mnistx_train.datasets import TrainingData
from mnistx_train.errors import TrainError
from mnistx_train.network import cnn
from mnistx_train.recipes import DEFAULT, RECIPES, recipe


def batches(data: TrainingData, seed: int, batch_size: int = 32) -> list[tuple[Tensor, Tensor]]:
    torch.manual_seed(seed)
    order = torch.arange(len(data.training)).flip(0)
    return list(recipe("report").batches(data.training, order, batch_size, data.mean, data.std))


def test_report_is_the_default() -> None:
    assert recipe(DEFAULT).name == "report"


@pytest.mark.parametrize("name", RECIPES)
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


def test_batches_follow_the_order_and_end_with_the_rest(small: TrainingData) -> None:
    found = batches(small, 0)

    assert [tuple(images.shape) for images, _ in found] == [(n, 1, 28, 28) for n in (32, 32, 32, 4)]
    assert torch.cat([labels for _, labels in found]).tolist() == small.training.labels[::-1].tolist()
    assert {images.dtype for images, _ in found} == {torch.float32}


def test_augmented_images_are_normalized(small: TrainingData) -> None:
    images = torch.cat([images for images, _ in batches(small, 0)])

    black, white = -small.mean / small.std, (1 - small.mean) / small.std
    assert float(images.min()) == pytest.approx(black)
    assert white - 0.5 < float(images.max()) <= white + 1e-6


def test_same_generator_seed_gives_the_same_batches(small: TrainingData) -> None:
    once, again = batches(small, 3), batches(small, 3)

    assert all(torch.equal(a, b) for (a, _), (b, _) in zip(once, again, strict=True))


def test_other_generator_seed_gives_other_images(small: TrainingData) -> None:
    once, other = batches(small, 3), batches(small, 4)

    assert not any(torch.equal(a, b) for (a, _), (b, _) in zip(once, other, strict=True))


def test_an_image_is_augmented_anew_each_time(small: TrainingData) -> None:
    torch.manual_seed(0)
    twice = torch.zeros(2, dtype=torch.int64)

    ((images, _),) = recipe("report").batches(small.training, twice, 2, small.mean, small.std)

    assert not torch.equal(images[0], images[1])
