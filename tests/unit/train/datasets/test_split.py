import numpy as np
import pytest

from mnistx_train.datasets.base import Split
from mnistx_train.datasets.split import draw_by_class, split_off_test, stratified
from mnistx_train.errors import TrainError
from sets import keys, random_images, same


@pytest.mark.parametrize("counts", [[60, 60], [30, 60, 90], [2, 2], [2] * 10, [100] * 12])
def test_stratified_takes_a_share_of_each_class(counts: list[int]) -> None:
    labels = np.repeat(np.arange(len(counts)), counts)
    whole = Split(random_images(len(labels))[:, None], labels)

    kept, off = stratified(whole, 1 / 12)

    assert len(off) == max(len(counts), round(len(labels) / 12))
    assert keys(kept) + keys(off) == keys(whole)
    expected = np.array(counts) * len(off) / len(labels)
    assert (np.abs(np.bincount(off.labels, minlength=len(counts)) - expected) < 1).all()
    assert np.bincount(kept.labels, minlength=len(counts)).min() >= 1
    assert same(stratified(whole, 1 / 12)[1], off)


def test_the_split_is_the_one_that_scikit_learn_draws() -> None:
    from sklearn.model_selection import train_test_split

    random = np.random.default_rng(0)
    for _ in range(60):
        classes = int(random.integers(2, 12))
        labels = np.concatenate(
            [np.arange(classes).repeat(2), random.integers(0, classes, random.integers(classes, 400))]
        )
        random.shuffle(labels)
        size = int(random.integers(classes, len(labels) - classes + 1))

        kept, off = draw_by_class(labels, size)

        theirs = train_test_split(np.arange(len(labels)), test_size=size, random_state=0, stratify=labels)
        assert [sorted(kept), sorted(off)] == [sorted(part) for part in theirs]


@pytest.mark.parametrize("labels", [[0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 2, 2], [1, 1, 1]])
def test_stratified_needs_two_images_of_two_classes(labels: list[int]) -> None:
    whole = Split(random_images(len(labels))[:, None], np.array(labels, np.int64))

    with pytest.raises(TrainError, match="at least 2 training images"):
        stratified(whole, 1 / 12)


def test_a_small_class_is_tested_too() -> None:
    labels = np.array([0] * 100 + [1] * 3)
    kept, off = stratified(Split(np.zeros((103, 1, 28, 28), np.uint8), labels), 1 / 6)
    assert set(off.labels.tolist()) == {0, 1} == set(kept.labels.tolist())
    assert len(kept) + len(off) == 103


def test_the_parts_of_a_set_without_test_images_are_the_set() -> None:
    whole = Split(random_images(24)[:, None], np.arange(24) % 2)

    read = split_off_test(lambda: whole, 1 / 6)

    assert (len(read(True)), len(read(False))) == (20, 4)
    assert keys(read(True)) + keys(read(False)) == keys(whole)
