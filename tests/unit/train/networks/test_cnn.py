import pytest
import torch

from mnistx_train.errors import TrainError
from mnistx_train.networks.cnn import NETWORKS, cnn, fold_batch_norm, pool_before_relu


def test_ten_classes_need_421642_parameters() -> None:
    assert sum(parameter.numel() for parameter in cnn().parameters()) == 421_642


@pytest.mark.parametrize("classes", [2, 10, 47])
def test_only_the_last_layer_depends_on_the_classes(classes: int) -> None:
    network = cnn(classes)

    assert sum(parameter.numel() for parameter in network.parameters()) == 421_642 + (classes - 10) * 129
    assert network(torch.zeros(3, 1, 28, 28)).shape == (3, classes)


def test_weights_keep_the_names_that_checkpoints_hold() -> None:
    shapes = {name: tuple(tensor.shape) for name, tensor in cnn().state_dict().items()}

    assert shapes == {
        "conv1.weight": (32, 1, 3, 3),
        "conv1.bias": (32,),
        "conv2.weight": (64, 32, 3, 3),
        "conv2.bias": (64,),
        "fc1.weight": (128, 3136),
        "fc1.bias": (128,),
        "fc2.weight": (10, 128),
        "fc2.bias": (10,),
    }


@pytest.mark.parametrize(
    ("network", "parameters"),
    [("report", 421_642), ("third-convolution", 241_546), ("wider-filters", 878_730), ("large", 584_170)],
)
def test_the_variants_and_their_sizes(network: str, parameters: int) -> None:
    found = cnn(10, network)

    assert sum(parameter.numel() for parameter in found.parameters()) == parameters
    assert found(torch.zeros(3, 1, 28, 28)).shape == (3, 10)


@pytest.mark.parametrize("network", NETWORKS)
def test_batch_normalization_folds_into_the_layers_before_it(network: str) -> None:
    torch.manual_seed(0)
    trained, plain = cnn(10, network, batch_norm=True).eval(), cnn(10, network)
    for name, values in trained.state_dict().items():
        if name.endswith("running_var"):
            torch.nn.init.uniform_(values, 0.5, 2)
        elif name.startswith("norm") and values.is_floating_point():
            torch.nn.init.normal_(values)  # negative factors too
    before = {name: values.clone() for name, values in trained.state_dict().items()}
    images = torch.randn(20, 1, 28, 28)

    with torch.inference_mode():
        assert torch.allclose(fold_batch_norm(trained)(images), trained(images), atol=1e-4)
        assert not torch.allclose(trained.train()(images), trained.eval()(images), atol=0.1)

    assert [name for name, _ in fold_batch_norm(trained).named_children()] == [
        name for name, _ in plain.named_children()
    ]
    assert all(torch.equal(before[name], values) for name, values in trained.named_parameters())
    assert all(
        torch.equal(values, plain.state_dict()[name]) for name, values in fold_batch_norm(plain).state_dict().items()
    )


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("name", NETWORKS)
def test_pooling_before_rectifying_changes_no_answer_and_no_gradient(name: str, batch_norm: bool) -> None:
    torch.manual_seed(0)
    network = cnn(10, name, batch_norm)
    images = torch.randn(20, 1, 28, 28).round()  # some windows hold their largest number twice
    learned = []
    for module in (network, pool_before_relu(network)):
        module.zero_grad()
        module(images)[:, 3].sum().backward()
        learned.append([parameter.grad.clone() for parameter in module.parameters() if parameter.grad is not None])

    first, again = learned
    assert len(first) == len(list(network.parameters()))
    assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))
    assert torch.equal(network.eval()(images), pool_before_relu(network).eval()(images))


def test_unknown_network_is_refused_with_the_known_ones() -> None:
    with pytest.raises(TrainError, match=r"unknown network 'huge'; known: report, third-convolution.*FILE.py:FACTORY"):
        cnn(10, "huge")


def test_outputs_are_log_probabilities() -> None:
    torch.manual_seed(0)

    with torch.no_grad():
        answers = cnn()(torch.randn(32, 1, 28, 28) * 3)

    assert (answers < 0).all()
    assert torch.allclose(answers.exp().sum(1), torch.ones(32), atol=1e-6)


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 40, 48), (3, 97, 31), (1, 28, 28)])
def test_networks_take_images_of_any_shape(network: str, shape: tuple[int, int, int]) -> None:
    found = cnn(5, network, True, shape)

    assert found(torch.zeros(3, *shape)).shape == (3, 5)
    assert fold_batch_norm(found)(torch.zeros(3, *shape)).shape == (3, 5)
    names = [name for name, _ in found.named_children()]
    assert names == [name for name, _ in cnn(10, network, True).named_children()]


def test_the_shape_of_mnist_draws_the_same_first_weights_as_none() -> None:
    torch.manual_seed(0)
    plain = cnn().state_dict()
    torch.manual_seed(0)
    shaped = cnn(10, shape=(1, 28, 28)).state_dict()

    assert all(torch.equal(plain[name], shaped[name]) for name in plain)
