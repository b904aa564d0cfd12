"""Artifacts that nothing verified, and a trained model with each of the mistakes that export scripts make."""

import copy
from collections import OrderedDict
from pathlib import Path

from torch import nn

from mnistx_export.deployed import deployed_module
from mnistx_export.describe import metadata
from mnistx_export.export import write_files
from mnistx_export.formats import Format, Options
from mnistx_train.checkpoint import Card
from mnistx_train.network import Normalize

MISTAKES = ("a weight changed", "the mean changed in its third digit", "normalization dropped", "eval() forgotten")


def broken(module: nn.Sequential, mistake: str) -> nn.Sequential:
    """What `deployed_module` made, with one of `MISTAKES`; the module itself stays as it is."""
    found = copy.deepcopy(module)
    normalize, first = found.get_submodule("normalize"), found.get_submodule("conv1")
    assert isinstance(normalize, Normalize) and isinstance(first, nn.Conv2d)
    if mistake == "a weight changed":
        first.weight[0, 0, 0, 0] += 0.05
    elif mistake == "the mean changed in its third digit":
        normalize.mean += 0.001
    elif mistake == "normalization dropped":
        normalize.mean, normalize.std = 0.0, 1.0
    else:
        assert mistake == "eval() forgotten"
        return with_inert_norms(found).train()
    return found


def with_inert_norms(module: nn.Sequential) -> nn.Sequential:
    """Batch normalization that changes nothing in evaluation mode behind each convolution."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for name, layer in module.named_children():
        layers[name] = layer
        if isinstance(layer, nn.Conv2d):
            norm = nn.BatchNorm2d(layer.out_channels)
            nn.init.constant_(norm.get_buffer("running_var"), 1 - norm.eps)
            layers[f"norm_of_{name}"] = norm
    return nn.Sequential(layers).requires_grad_(False)


def written(target: Format, network: nn.Sequential, card: Card, path: Path) -> Path:
    """An artifact with the certificate of this network, whatever the format makes of it, unverified."""
    props = metadata(network, card, 1e-4).to_props()
    write_files(target, path, target.write(deployed_module(network, card.mean, card.std), props, Options()))
    return path
