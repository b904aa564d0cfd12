from dataclasses import replace

import pytest
import torch
from torch import Tensor

from mnistx_train.datasets import TrainingData
from mnistx_train.recipes import best
from mnistx_train.recipes.best import BEST, LARGE


@pytest.mark.parametrize(("names", "rewritten"), [(tuple("0123456789"), True), (tuple("abcdefghij"), False)])
def test_best_writes_digits_otherwise_only_where_the_classes_are_digits(
    small: TrainingData, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...], rewritten: bool
) -> None:
    calls: list[list[int]] = []

    def recorded(images: Tensor, labels: Tensor) -> Tensor:
        calls.append(labels.tolist())
        return images

    monkeypatch.setattr(best, "rewrite", recorded)

    list(BEST.batches(replace(small, names=names), torch.arange(len(small.training)), 32))

    assert bool(calls) == rewritten


def test_the_teacher_is_larger_and_sees_the_same() -> None:
    assert BEST.teacher is not None and BEST.teacher.recipe is LARGE
    assert (LARGE.network, BEST.network) == ("large", "report")
    assert LARGE.batches is BEST.batches and LARGE.made_for == BEST.made_for == (1, 28, 28)
