import numpy as np

from mnistx_train.datasets import digits, source
from sets import keys, same


def test_digits_are_1797_in_mnists_layout() -> None:
    found = source("digits")
    training, test = found.read(True), found.read(False)
    images = np.concatenate([training.images, test.images])

    assert (found.name, found.names) == ("digits", tuple("0123456789"))
    assert images.shape == (1797, 1, 28, 28)
    assert images.dtype == np.uint8
    assert not images[:, :, :4].any()
    assert not images[:, :, 24:].any()
    assert not images[..., :4].any()
    assert not images[..., 24:].any()
    assert images.max() == 255
    assert (found.spec.shape, found.spec.preprocess, dict(found.spec.parameters)) == ((1, 28, 28), "mnist-digit", {})


def test_digits_split_into_training_and_test_without_loss_or_overlap() -> None:
    found = source("digits")
    training, test = found.read(True), found.read(False)

    assert keys(training) + keys(test) == keys(digits._read())
    assert not keys(training) & keys(test)


def test_digits_keep_a_sixth_of_every_class_for_the_test() -> None:
    found = source("digits")
    test = np.bincount(found.read(False).labels)
    whole = test + np.bincount(found.read(True).labels)

    assert test.sum() == 300
    assert (np.abs(test - whole / 6) < 1).all()


def test_digits_are_split_alike_every_time() -> None:
    np.random.seed(1)
    once = source("digits")
    parts = [once.read(train) for train in (True, False)]
    np.random.seed(2)
    again = source("digits")

    assert all(same(part, again.read(train)) for part, train in zip(parts, (True, False), strict=True))
    assert all(same(part, once.read(train)) for part, train in zip(parts, (True, False), strict=True))
