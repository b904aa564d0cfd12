from pathlib import Path

import numpy as np
import pytest

from mnistx_train.datasets.arrays import array_source, check_labels, name_classes, read_mapping
from mnistx_train.datasets.base import Split
from mnistx_train.errors import TrainError
from sets import random_images


def test_labels_may_start_at_1_or_have_gaps_that_are_named(tmp_path: Path) -> None:
    listed = tmp_path / "names.txt"
    labels = np.array([1, 2, 4])
    assert name_classes(labels, listed).names == ("1", "2", "3", "4")
    assert name_classes(labels - 1, listed).names == ("0", "1", "2", "3")

    listed.write_text("a\nb\nd\n")
    found = name_classes(labels, listed)
    assert (found.names, found.indices(np.array([4, 1, 2])).tolist()) == (("a", "b", "d"), [2, 0, 1])

    listed.write_text("zero\none\ntwo\nthree\nfour\nfive\n")
    assert name_classes(labels, listed).indices(labels).tolist() == [1, 2, 4]

    listed.write_text("a\nb\n")
    with pytest.raises(TrainError, match="names 2 classes, the labels need 5"):
        name_classes(labels, listed)


@pytest.mark.parametrize("labels", [[-1, 0, 1], [0, 1000], [0, 10**9]])
def test_labels_out_of_bounds_are_told(tmp_path: Path, labels: list[int]) -> None:
    with pytest.raises(TrainError, match=r"labels from -?\d+ to \d+; need 1,000 from 0 on at most"):
        check_labels(np.array(labels), tmp_path)


@pytest.mark.parametrize("text", ["a 65\n", "1 99999999999\n", "\n", "1 -5\n"])
def test_a_mapping_of_something_else_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "m.txt").write_text(text)
    with pytest.raises(TrainError, match="isn't lines of a label and the codes of its characters"):
        read_mapping(tmp_path / "m.txt", np.array([1]))


def test_without_test_images_a_sixth_of_each_class_is_kept_apart(tmp_path: Path) -> None:
    whole = Split(random_images(24)[:, None], np.arange(24) % 2)

    found = array_source(tmp_path / "mine.csv", lambda train: whole, has_test=False)

    assert (found.name, found.names, found.spec.preprocess) == ("./mine.csv", ("0", "1"), "mnist-digit")
    assert (len(found.read(True)), np.bincount(found.read(False).labels).tolist()) == (20, [2, 2])


def test_images_in_colour_or_of_another_size_have_no_preprocess(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (8, 3, 40, 48), np.uint8)

    found = array_source(tmp_path, lambda train: Split(images, np.arange(8) % 2), has_test=True)

    assert (found.spec.shape, found.spec.preprocess) == ((3, 40, 48), "none")


def test_a_class_without_images_is_named(tmp_path: Path) -> None:
    whole = Split(random_images(8)[:, None], np.array([0, 2] * 4))

    found = array_source(tmp_path / "mine.csv", lambda train: whole, has_test=False)

    with pytest.raises(TrainError, match="every class needs at least 2 training images; '1' has 0"):
        found.read(True)
