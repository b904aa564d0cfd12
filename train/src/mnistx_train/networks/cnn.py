"""The networks."""

import copy
from collections import OrderedDict
from dataclasses import dataclass

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from mnistx_runtime.registry import nearest
from mnistx_train.errors import TrainError


@dataclass(frozen=True)
class Widths:
    """How wide a network's layers are.

    Args:
        filters: of each 3x3 convolution, block by block; a block ends with a pooling that halves both sides.
        hidden: outputs of the first of the two fully connected layers.
    """

    filters: tuple[tuple[int, ...], ...] = ((32,), (64,))
    hidden: int = 128


NETWORKS = {
    "report": Widths(),
    "third-convolution": Widths(filters=((32,), (64,), (128,))),
    "wider-filters": Widths(filters=((64,), (128,))),
    "large": Widths(filters=((32, 32), (64, 64), (128, 128)), hidden=256),
}


def check_network_name(network: str) -> None:
    """Whether there is a network of that name.

    Raises:
        TrainError: there's none; the text gives the nearest one.
    """
    if network not in NETWORKS:
        raise TrainError(
            f"unknown network {network!r}; {nearest(network, NETWORKS)}; one of your own is FILE.py:FACTORY"
        )


def cnn(
    classes: int = 10,
    network: str = "report",
    batch_norm: bool = False,
    shape: tuple[int, int, int] = (1, 28, 28),
) -> nn.Sequential:
    """A network; the report's has 421,642 parameters for ten classes.

    Args:
        classes: columns of the output.
        network: a name of `NETWORKS`.
        batch_norm: normalize what each layer but the last sums, over the batch, to train by; see `fold_batch_norm`.
        shape: channels, height and width of an image; sides of 8 pixels or more.

    Returns:
        A module from normalized float images `(N, channels, height, width)` to log-probabilities `(N, classes)`.

    Raises:
        TrainError: there's no such network.

    >>> sum(p.numel() for p in cnn().parameters())
    421642
    >>> weights = cnn(2, shape=(3, 40, 48)).state_dict()
    >>> [tuple(weights[f"{name}.weight"].shape) for name in ("conv1", "fc1")]
    [(32, 3, 3, 3), (128, 7680)]
    """
    check_network_name(network)
    size = NETWORKS[network]
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    (channels, height, width), number = shape, 0
    for block, filters in enumerate(size.filters, 1):
        for wide in filters:
            number += 1
            layers[f"conv{number}"] = nn.Conv2d(channels, wide, 3, padding=1)
            if batch_norm:
                layers[f"norm{number}"] = nn.BatchNorm2d(wide)
            layers[f"relu{number}"] = nn.ReLU()
            channels = wide
        layers[f"pool{block}"] = nn.MaxPool2d(2)
        height, width = height // 2, width // 2
    layers["flatten"] = nn.Flatten()
    layers["fc1"] = nn.Linear(channels * height * width, size.hidden)
    if batch_norm:
        layers[f"norm{number + 1}"] = nn.BatchNorm1d(size.hidden)
    layers[f"relu{number + 1}"] = nn.ReLU()
    layers["fc2"] = nn.Linear(size.hidden, classes)
    layers["log_softmax"] = nn.LogSoftmax(dim=1)
    return nn.Sequential(layers)


def pool_before_relu(network: nn.Sequential) -> nn.Sequential:
    """The same layers, but each pooling before the ReLU it follows: the same function, a quarter of the work for ReLU.

    Rectifying keeps the order of numbers, so the largest is the same one, and so are all gradients: what is learned
    does not change by a bit.

    Args:
        network: as `cnn` makes it; the layers are shared.

    >>> [name for name, _ in pool_before_relu(cnn()).named_children()][:4]
    ['conv1', 'pool1', 'relu1', 'conv2']
    """
    layers = list(network.named_children())
    for at in range(len(layers) - 1):
        if isinstance(layers[at][1], nn.ReLU) and isinstance(layers[at + 1][1], nn.MaxPool2d):
            layers[at : at + 2] = layers[at + 1], layers[at]
    return nn.Sequential(OrderedDict(layers))


def fold_batch_norm(network: nn.Sequential) -> nn.Sequential:
    """The same function without batch normalization, which after training is one more factor and summand a channel.

    Args:
        network: as `cnn` makes it, with or without `batch_norm`; it isn't changed.

    Returns:
        In evaluation mode, with the layers and names of `cnn` without `batch_norm`.

    >>> fold_batch_norm(cnn(batch_norm=True)).state_dict().keys() == cnn().state_dict().keys()
    True
    """
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for name, layer in copy.deepcopy(network).eval().named_children():
        before, last = next(reversed(layers.items()), ("", None))
        if isinstance(layer, nn.BatchNorm2d) and isinstance(last, nn.Conv2d):
            layers[before] = fuse_conv_bn_eval(last, layer)
        elif isinstance(layer, nn.BatchNorm1d) and isinstance(last, nn.Linear):
            layers[before] = fuse_linear_bn_eval(last, layer)
        else:
            layers[name] = layer
    return nn.Sequential(layers)
