from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from mnistx_export import Model
from mnistx_runtime import BadInput, InputSpec
from mnistx_train.datasets import Split

SPEC = InputSpec(channels=1, height=8, width=8, mean=(0.5,), std=(0.5,))
NAMES = ("cat", "dog", "owl")


def net(classes: int = 3, size: int = 64, *ends: nn.Module) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(size, classes), *ends).eval()


class Plain(nn.Module):
    """A module that gives whatever a function makes of flattened images."""

    def __init__(self, forward: Callable[[torch.Tensor], object]) -> None:
        super().__init__()
        self.answer = forward

    def forward(self, x: torch.Tensor) -> object:
        return self.answer(x.flatten(1))


def with_nan() -> nn.Module:
    module = net()
    with torch.no_grad():
        module.get_parameter("1.weight")[0, 0] = float("nan")
    return module


@pytest.mark.parametrize(
    ("module", "why"),
    [
        (net(2), "gives 2 numbers an image, and 3 classes are named"),
        (net(3, 49), r"can't take images \(4, 1, 8, 8\)"),
        (net().train(), "is in training mode .*module.eval()"),
        (nn.Sequential(net(), nn.Dropout().train()).eval().append(nn.Dropout()), "is in training mode"),
        (with_nan(), "NaN or infinite"),
        (Plain(lambda x: (x[:, :3],)).eval(), "gives a tuple"),
        (Plain(lambda x: x[:, :3, None]).eval(), r"not \(N, classes\)"),
        (Plain(lambda x: x[:, :3] - x.mean()).eval(), "depends on the others in its batch"),
        (Plain(lambda x: x[:, :3] + torch.rand(1)).eval(), "other answers to the same images"),
        (net(3, 64, nn.Softmax(1)), 'look like probabilities .*output = "probabilities"'),
    ],
)
def test_what_is_not_as_declared_is_told_before_any_conversion(module: nn.Module, why: str) -> None:
    with pytest.raises(BadInput, match=why) as caught:
        Model(module, SPEC, NAMES)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("output", ["probabilities", "log-probabilities"])
def test_rows_that_do_not_sum_to_one_are_no_probabilities(output: str) -> None:
    with pytest.raises(BadInput, match=f'declared as {output}, .*write output = "logits"'):
        Model(net(), SPEC, NAMES, output)


@pytest.mark.parametrize(
    ("names", "output", "why"),
    [
        (("cat",), "logits", "1 classes; a classifier has 2 to 1,000"),
        (("cat", "dog", "cat"), "logits", "two classes are called 'cat'"),
        (("cat", "", "owl"), "logits", "isn't empty"),
        (NAMES, "scores", "output must be one of logits"),
        ("cat", "logits", "several class names"),
    ],
)
def test_names_and_output_are_checked(names: tuple[str, ...], output: str, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        Model(net(), SPEC, names, output)


@pytest.mark.parametrize(
    ("split", "why"),
    [
        (Split(np.zeros((2, 1, 9, 8), np.uint8), np.zeros(2, np.int64)), r"must be uint8 \(N, 1, 8, 8\)"),
        (Split(np.zeros((2, 1, 8, 8), np.uint8), np.zeros(3, np.int64)), "have 3 labels"),
        (Split(np.zeros((2, 1, 8, 8), np.uint8), np.array([0, 3])), "label is 3, and only 3 classes"),
    ],
)
def test_images_and_labels_are_checked(split: Split, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        Model(net(), SPEC, NAMES, test=split)


@pytest.mark.parametrize(
    ("ends", "output"),
    [((), "logits"), ((nn.Softmax(1),), "probabilities"), ((nn.LogSoftmax(1),), "log-probabilities")],
)
def test_whatever_the_output_means_log_probabilities_are_deployed(ends: tuple[nn.Module, ...], output: str) -> None:
    model = Model(net(3, 64, *ends), SPEC, NAMES, output)
    images = np.random.default_rng(0).integers(0, 256, (5, 1, 8, 8), dtype=np.uint8)
    pixels = (torch.from_numpy(images).double() / 255 - 0.5) / 0.5
    expected = net().double()(pixels).log_softmax(1).detach().numpy()
    np.testing.assert_allclose(model.log_probs(images, torch.float64), expected, atol=1e-12)
    np.testing.assert_allclose(model.deployed(torch.from_numpy(images)).detach(), expected, atol=1e-5)
    assert model.golden_answers[1].dtype == np.float32
