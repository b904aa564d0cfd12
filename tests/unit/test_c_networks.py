"""A few random networks as C; `benchmarks/c_networks.py` tries hundreds."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import nn

from c_networks import IMAGES, check, draw_networks, kinds, random_images
from random_networks import RandomNetwork, Residual, set_weights

NETWORKS = 8
SEED = 4


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.slow
def test_random_networks_answer_as_pytorch_and_onnx_runtime_do() -> None:
    seen: set[str] = set()

    def take(network: RandomNetwork) -> None:
        check(network)
        seen.update(kinds(network.module))

    draw_networks(SEED, NETWORKS, take)
    assert len(seen) > 8


@pytest.mark.slow
def test_a_wrong_answer_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    module = nn.Sequential(Residual(nn.Conv2d(1, 1, 3, padding=1)), nn.ReLU(), nn.Flatten(), nn.Linear(72, 3)).eval()
    set_weights(module, 5)
    network = RandomNetwork((1, 8, 9), module, 3, "logits", 5)
    assert check(network).real < 1e-5
    monkeypatch.setattr("mnistx_export.codegen.operators.elementwise._SUM_BITS", 5)
    with pytest.raises(AssertionError, match="c-int8: "):
        check(network)


def test_images_are_of_all_kinds() -> None:
    images = random_images(3, (3, 9, 10))
    assert images.shape == (IMAGES, 3, 9, 10) and images.dtype == np.uint8
    assert not images[0].any() and images[1].min() == 255
    assert len(np.unique(images[2:])) > 200
