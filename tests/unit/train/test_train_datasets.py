from pathlib import Path

import numpy as np
import pytest

from mnistx_train import datasets
from mnistx_train.datasets import SOURCES, Source, Split, source, stratified, training_data
from mnistx_train.errors import TrainError
from sets import keys, random_images, same


def test_unknown_name_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")

    for name in ("minst", str(tmp_path / "absent"), str(tmp_path / "file")):
        with pytest.raises(TrainError, match=f"neither a folder nor one of {', '.join(SOURCES)}"):
            source(name)


@pytest.mark.parametrize("counts", [[60, 60], [30, 60, 90], [2, 2], [2] * 10, [100] * 12])
def test_stratified_takes_a_share_of_each_class(counts: list[int]) -> None:
    labels = np.repeat(np.arange(len(counts)), counts)
    whole = Split(random_images(len(labels)), labels)

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

        kept, off = datasets._drawn_by_class(labels, size)

        theirs = train_test_split(np.arange(len(labels)), test_size=size, random_state=0, stratify=labels)
        assert [sorted(kept), sorted(off)] == [sorted(part) for part in theirs]


@pytest.mark.parametrize("labels", [[0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 2, 2], [1, 1, 1]])
def test_stratified_needs_two_images_of_two_classes(labels: list[int]) -> None:
    whole = Split(random_images(len(labels)), np.array(labels, np.int64))

    with pytest.raises(TrainError, match="at least 2 training images"):
        stratified(whole, 1 / 12)


def test_training_data_never_looks_at_the_test_images(digits_whole: Split) -> None:
    asked: list[bool] = []

    def read(train: bool) -> Split:
        asked.append(train)
        return digits_whole

    found = training_data(Source("watched", tuple("0123456789"), read))

    assert asked == [True]
    assert keys(found.training) + keys(found.validation) == keys(digits_whole)
    assert len(found.validation) == round(len(digits_whole) / 12)
    assert found.mean == round(float(np.mean(digits_whole.images / 255)), 4)
    assert found.std == round(float(np.std(digits_whole.images / 255)), 4)
