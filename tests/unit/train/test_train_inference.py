import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from mnistx_train import inference
from mnistx_train.datasets import TrainingData
from mnistx_train.inference import log_probs
from mnistx_train.network import Normalize, cnn


@pytest.fixture
def network() -> torch.nn.Sequential:
    torch.manual_seed(0)
    return cnn()


@pytest.fixture
def images(small: TrainingData) -> NDArray[np.uint8]:
    return small.validation.images


def test_answers_are_the_modules_own(network: torch.nn.Sequential, images: NDArray[np.uint8]) -> None:
    with torch.no_grad():
        own = network(Normalize(0.1, 0.3)(torch.from_numpy(images)[:, None])).numpy()

    answers = log_probs(network, images, 0.1, 0.3)

    assert answers.dtype == np.float32
    assert np.array_equal(answers, own)


def test_float64_differs_from_float32_only_by_rounding(network: torch.nn.Sequential, images: NDArray[np.uint8]) -> None:
    single = log_probs(network, images, 0.1, 0.3)
    double = log_probs(network, images, 0.1, 0.3, torch.float64)

    assert double.dtype == np.float64
    assert 0 < np.abs(single - double).max() < 1e-5
    assert np.abs(np.exp(double).sum(1) - 1).max() < 1e-12


def test_float64_leaves_the_network_in_float32(network: torch.nn.Sequential, images: NDArray[np.uint8]) -> None:
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}

    log_probs(network, images, 0.1, 0.3, torch.float64)

    after = network.state_dict()
    assert all(tensor.dtype == torch.float32 for tensor in after.values())
    assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_mode_is_restored(
    network: torch.nn.Sequential, images: NDArray[np.uint8], training: bool, dtype: torch.dtype
) -> None:
    network.train(training)

    log_probs(network, images, 0.1, 0.3, dtype)

    assert {module.training for module in network.modules()} == {training}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_network_runs_in_evaluation_mode_without_gradients(
    network: torch.nn.Sequential, images: NDArray[np.uint8], dtype: torch.dtype
) -> None:
    seen: list[tuple[bool, bool]] = []
    network.train()
    network.register_forward_pre_hook(lambda module, _: seen.append((module.training, torch.is_grad_enabled())))

    log_probs(network, images, 0.1, 0.3, dtype)

    assert seen == [(False, False)]


@pytest.mark.parametrize("batch", [1, 7, 39, 40, 41])
def test_batches_do_not_matter(
    monkeypatch: pytest.MonkeyPatch, network: torch.nn.Sequential, images: NDArray[np.uint8], batch: int
) -> None:
    whole = log_probs(network, images, 0.1, 0.3)
    monkeypatch.setattr(inference, "BATCH", batch)

    parts = log_probs(network, images, 0.1, 0.3)

    assert parts.shape == (40, 10)
    assert np.abs(parts - whole).max() < 1e-5


def test_images_may_have_a_channel(network: torch.nn.Sequential, images: NDArray[np.uint8]) -> None:
    assert np.array_equal(log_probs(network, images[:, None], 0.1, 0.3), log_probs(network, images, 0.1, 0.3))
