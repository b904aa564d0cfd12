"""What the tests of mnistx-train share: a few digits, and torch left as it was found."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch

from mnistx_train.datasets import Split, TrainingData, source, training_data


@pytest.fixture(autouse=True)
def torch_as_before() -> Iterator[None]:
    """A run switches torch to deterministic algorithms for the whole process."""
    before = torch.are_deterministic_algorithms_enabled()
    yield
    torch.set_deterministic_debug_mode("error" if before else "default")


@pytest.fixture(scope="session")
def digits_whole() -> Split:
    """All training images of the digits."""
    return source("digits").read(True)


@pytest.fixture(scope="session")
def small() -> TrainingData:
    """100 digits to learn from, 40 to validate on."""
    found = training_data(source("digits"))
    return replace(found, training=found.training.at(np.arange(100)), validation=found.validation.at(np.arange(40)))
