"""Artifacts that nothing verified, and a trained model with each of the mistakes that export scripts make."""

import copy
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path

from torch import nn

from mnistx_export.exporter import write_files
from mnistx_export.formats.base import Conversion, Format
from mnistx_export.model import Model
from mnistx_runtime.artifact.container import seal
from mnistx_train.evaluation.inference import DeployedModule

MISTAKES = ("a weight changed", "the mean changed in its third digit", "normalization dropped", "eval() forgotten")


def broken(deployed: DeployedModule, mistake: str) -> DeployedModule:
    """What is deployed, with one of `MISTAKES`; the module itself stays as it is."""
    found = copy.deepcopy(deployed)
    normalize, first = found.normalize, next(each for each in found.modules() if isinstance(each, nn.Conv2d))
    if mistake == "a weight changed":
        first.weight.data[0, 0, 0, 0] += 0.05
    elif mistake == "the mean changed in its third digit":
        normalize.mean += 0.001
    elif mistake == "normalization dropped":
        normalize.mean, normalize.std = 0.0, 1.0
    else:
        assert mistake == "eval() forgotten"
        found.module = with_inert_norms(found.module)
        return found.train()
    return found


def with_inert_norms(module: nn.Module) -> nn.Sequential:
    """Batch normalization that changes nothing in evaluation mode behind each convolution."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for name, layer in module.named_children():
        layers[name] = layer
        if isinstance(layer, nn.Conv2d):
            norm = nn.BatchNorm2d(layer.out_channels)
            nn.init.constant_(norm.get_buffer("running_var"), 1 - norm.eps)
            layers[f"norm_of_{name}"] = norm
    return nn.Sequential(layers).requires_grad_(False)


def careless(target: Format, mistake: str) -> Format:
    """The format, written by a script with that mistake."""

    def write(conversion: Conversion) -> dict[str, bytes]:
        return target.write(replace(conversion, deployed=broken(conversion.deployed, mistake)))

    return replace(target, write=write)


def write_unverified(target: Format, model: Model, path: Path) -> Path:
    """An artifact with the certificate of this model, whatever the format makes of it."""
    payload = target.write(Conversion(model.deployed, model.spec, None, model.calibration))
    write_files(path, target, seal(target.suffix, payload, model.metadata, model.certificate(target.tolerance)))
    return path
