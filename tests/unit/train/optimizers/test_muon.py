import pytest
import torch
from torch import Tensor

from mnistx_train.networks.cnn import cnn
from mnistx_train.optimizers.muon import Muon, orthogonal


def as_written(matrix: Tensor) -> Tensor:
    """Jordan's iteration as he wrote it down, in float64."""
    found: Tensor = matrix.double() / matrix.double().norm()
    for _ in range(5):
        square = found @ found.T
        found = 3.4445 * found + (-4.7750 * square + 2.0315 * square @ square) @ found
    return found


@pytest.mark.parametrize("spread", [0, 3, 6])
@pytest.mark.parametrize("shape", [(128, 3136), (64, 288), (12, 12)])
def test_orthogonal_is_jordans_iteration(shape: tuple[int, int], spread: float) -> None:
    torch.manual_seed(0)
    matrix = torch.randn(shape) * torch.logspace(0, -spread, shape[1])

    assert torch.allclose(orthogonal(matrix).double(), as_written(matrix), atol=1e-3)
    assert torch.allclose(orthogonal(matrix.T), orthogonal(matrix).T, atol=1e-3)
    assert torch.allclose(orthogonal(matrix * 1000), orthogonal(matrix), atol=1e-3)


def test_orthogonal_brings_singular_values_near_one() -> None:
    torch.manual_seed(0)

    values = torch.linalg.svdvals(orthogonal(torch.randn(64, 288)))

    assert float(values.min()) > 0.6 and float(values.max()) < 1.3


def test_nothing_to_learn_from_moves_nothing() -> None:
    assert torch.equal(orthogonal(torch.zeros(3, 5)), torch.zeros(3, 5))


def test_inner_weights_take_muons_steps_and_the_others_adamws() -> None:
    torch.manual_seed(0)
    network = cnn()
    before = {name: values.clone() for name, values in network.named_parameters()}
    optimizer = Muon(network, lr=0.01, weight_decay=0.5)
    network(torch.randn(8, 1, 28, 28))[:, 3].sum().backward()
    gradients = {name: values.grad.clone() for name, values in network.named_parameters() if values.grad is not None}

    optimizer.step()

    for name, values in network.named_parameters():
        decay = 1 - 0.01 * 0.5 if values.ndim > 1 else 1.0
        step = before[name] * decay - values
        if name in ("conv2.weight", "fc1.weight"):
            flat = gradients[name].flatten(1)
            expected = 0.01 * 0.2 * max(flat.shape) ** 0.5 * as_written(flat).view(values.shape)
        else:
            expected = 0.01 * gradients[name] / (gradients[name].abs() + 1e-8)  # Adam's first
        assert torch.allclose(step.double(), expected.double(), atol=2e-5), name


def test_momentum_is_nesterovs() -> None:
    torch.manual_seed(0)
    network = cnn()
    optimizer = Muon(network, lr=0.01)
    weight = dict(network.named_parameters())["fc1.weight"]
    gradients = torch.randn(2, *weight.shape)
    for gradient in gradients:
        before = weight.detach().clone()
        weight.grad = gradient.clone()
        optimizer.step()

    ahead = gradients[1] + 0.95 * (0.95 * gradients[0] + gradients[1])
    expected = 0.01 * 0.2 * 3136**0.5 * as_written(ahead)
    assert torch.allclose((before - weight).detach().double(), expected, atol=1e-5)
