import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torchvision import transforms

from mnistx_runtime import InputSpec
from mnistx_train.datasets import TrainingData
from mnistx_train.evaluation import inference
from mnistx_train.evaluation.inference import DeployedModule, Normalize, log_probs
from mnistx_train.networks.cnn import cnn

SPEC = InputSpec(channels=1, height=28, width=28, mean=(0.1,), std=(0.3,))


@pytest.fixture
def network() -> torch.nn.Sequential:
    torch.manual_seed(0)
    return cnn()


@pytest.fixture
def images(small: TrainingData) -> NDArray[np.uint8]:
    return small.validation.images


def test_answers_are_the_modules_own(network: torch.nn.Sequential, images: NDArray[np.uint8]) -> None:
    with torch.no_grad():
        own = network(Normalize((0.1,), (0.3,))(torch.from_numpy(images))).numpy()

    answers = log_probs(network, images, SPEC)

    assert answers.dtype == np.float32
    assert np.array_equal(answers, own)


def test_float64_differs_from_float32_only_by_rounding(network: torch.nn.Sequential, images: NDArray[np.uint8]) -> None:
    single = log_probs(network, images, SPEC)
    double = log_probs(network, images, SPEC, torch.float64)

    assert double.dtype == np.float64
    assert 0 < np.abs(single - double).max() < 1e-5
    assert np.abs(np.exp(double).sum(1) - 1).max() < 1e-12


def test_float64_leaves_the_network_in_float32(network: torch.nn.Sequential, images: NDArray[np.uint8]) -> None:
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}

    log_probs(network, images, SPEC, torch.float64)

    after = network.state_dict()
    assert all(tensor.dtype == torch.float32 for tensor in after.values())
    assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_mode_is_restored(
    network: torch.nn.Sequential, images: NDArray[np.uint8], training: bool, dtype: torch.dtype
) -> None:
    network.train(training)

    log_probs(network, images, SPEC, dtype)

    assert {module.training for module in network.modules()} == {training}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_network_runs_in_evaluation_mode_without_gradients(
    network: torch.nn.Sequential, images: NDArray[np.uint8], dtype: torch.dtype
) -> None:
    seen: list[tuple[bool, bool]] = []
    network.train()
    network.register_forward_pre_hook(lambda module, _: seen.append((module.training, torch.is_grad_enabled())))

    log_probs(network, images, SPEC, dtype)

    assert seen == [(False, False)]


@pytest.mark.parametrize("batch", [1, 7, 39, 40, 41])
def test_batches_do_not_matter(
    monkeypatch: pytest.MonkeyPatch, network: torch.nn.Sequential, images: NDArray[np.uint8], batch: int
) -> None:
    whole = log_probs(network, images, SPEC)
    monkeypatch.setattr(inference, "_BATCH_PIXELS", batch * 28 * 28)

    parts = log_probs(network, images, SPEC)

    assert parts.shape == (40, 10)
    assert np.abs(parts - whole).max() < 1e-5


def test_grey_images_need_no_channel(network: torch.nn.Sequential, images: NDArray[np.uint8]) -> None:
    assert np.array_equal(log_probs(network, images[:, 0], SPEC), log_probs(network, images, SPEC))


@pytest.mark.parametrize(("mean", "std"), [(0.1307, 0.3081), (0.2860, 0.3530), (0.1578, 0.2933), (0.0, 1.0)])
def test_normalize_is_torchvisions_bit_for_bit(mean: float, std: float) -> None:
    every_grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    theirs = transforms.Compose([transforms.ToTensor(), transforms.Normalize((mean,), (std,))])(
        Image.fromarray(every_grey)
    )

    ours = Normalize((mean,), (std,))(torch.from_numpy(every_grey)[None])

    assert ours.dtype == torch.float32
    assert torch.equal(ours, theirs)


def test_normalize_computes_in_float64_when_told() -> None:
    every_grey = np.arange(256, dtype=np.uint8)

    ours = Normalize((0.1307,), (0.3081,), torch.float64)(torch.from_numpy(every_grey))

    assert ours.dtype == torch.float64
    assert np.array_equal(ours.numpy(), (every_grey / 255 - 0.1307) / 0.3081)


def test_normalize_holds_no_weights() -> None:
    assert not Normalize((0.1307,), (0.3081,)).state_dict()


def test_normalize_takes_each_channel_by_its_own_numbers() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (8, 9, 3), np.uint8)
    mean, std = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)
    theirs = transforms.Compose([transforms.ToTensor(), transforms.Normalize(mean, std)])(Image.fromarray(pixels))

    assert torch.equal(Normalize(mean, std)(torch.from_numpy(pixels.transpose(2, 0, 1))[None])[0], theirs)


@pytest.mark.parametrize(("output", "last"), [("logits", []), ("probabilities", [torch.nn.Softmax(1)])])
def test_whatever_the_network_gives_the_answers_are_log_probabilities(output: str, last: list[torch.nn.Module]) -> None:
    torch.manual_seed(0)
    spec = InputSpec(channels=3, height=8, width=9, mean=(0.4, 0.5, 0.6), std=(0.2, 0.2, 0.3))
    linear = torch.nn.Linear(3 * 8 * 9, 4)
    images = np.random.default_rng(0).integers(0, 256, (5, 3, 8, 9), np.uint8)

    found = log_probs(torch.nn.Sequential(torch.nn.Flatten(), linear, *last), images, spec, output=output)
    plain = log_probs(torch.nn.Sequential(torch.nn.Flatten(), linear, torch.nn.LogSoftmax(1)), images, spec)

    assert found.shape == (5, 4) and np.abs(found - plain).max() < 1e-5
    module = DeployedModule(torch.nn.Sequential(torch.nn.Flatten(), linear, *last), spec, output)
    assert np.array_equal(module(torch.from_numpy(images)).detach().numpy(), found)


def test_each_part_comes_back_in_its_own_mode_also_after_an_error() -> None:
    frozen = torch.nn.BatchNorm2d(1)
    net = torch.nn.Sequential(frozen, torch.nn.Flatten(), torch.nn.Linear(64, 2)).train()
    frozen.eval()
    spec, larger = (InputSpec(channels=1, height=side, width=side, mean=(0.5,), std=(0.5,)) for side in (8, 9))
    inference.count_flops(net, spec)
    log_probs(net, np.zeros((3, 8, 8), np.uint8), spec, output="logits")
    with pytest.raises(RuntimeError):
        log_probs(net, np.zeros((3, 9, 9), np.uint8), larger, output="logits")
    assert [each.training for each in net.modules()] == [True, False, True, True]
    assert int(frozen.num_batches_tracked or 0) == 0
