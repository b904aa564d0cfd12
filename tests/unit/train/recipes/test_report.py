from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
import torchvision

from mnistx_runtime import InputSpec
from mnistx_train.datasets import Split, TrainingData
from mnistx_train.networks.cnn import cnn
from mnistx_train.recipes.report import REPORT


def test_report_trains_ten_epochs_in_batches_of_64() -> None:
    assert (REPORT.epochs, REPORT.batch_size, REPORT.lr) == (10, 64, 0.001)


def test_report_optimizes_all_weights_with_plain_adam() -> None:
    network = cnn()

    optimizer = REPORT.optimizer(network, 0.25)

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
    list(REPORT.batches(small, torch.arange(len(small.training)), 32))

    t = torchvision.transforms
    said = [
        t.RandomRotation(10),
        t.RandomResizedCrop((28, 28), scale=(0.7, 1.0), ratio=(0.9, 1.1)),
        t.RandomAffine(0, translate=(0.1, 0.1)),
        t.ToTensor(),
        t.Normalize(small.spec.mean, small.spec.std),
    ]
    (done,) = composed
    assert [type(step) for step in done] == [type(step) for step in said]
    assert [repr(step) for step in done] == [repr(step) for step in said]


def test_colour_pictures_of_any_size_are_augmented_in_colour() -> None:
    images = np.zeros((6, 3, 40, 48), np.uint8)
    images[:, 0], images[:, 1, 8:32, 12:36] = 200, 100
    spec = InputSpec(channels=3, height=40, width=48, mean=(0.4, 0.5, 0.6), std=(0.2, 0.25, 0.3))
    split = Split(images, np.arange(6) % 2)
    torch.manual_seed(0)

    ((found, labels),) = REPORT.batches(TrainingData(split, split, spec, ("a", "b")), torch.arange(6), 6)

    assert found.shape == (6, 3, 40, 48) and labels.tolist() == [0, 1, 0, 1, 0, 1]
    middle = found[:, :, 18:22, 22:26].mean((0, 2, 3))
    expected = [(value / 255 - m) / s for value, m, s in zip((200, 100, 0), spec.mean, spec.std, strict=True)]
    assert middle.tolist() == pytest.approx(expected, abs=0.1)
