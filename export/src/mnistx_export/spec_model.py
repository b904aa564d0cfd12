"""A spec file as a model to export: its network loaded, with its weights and its pictures."""

import warnings
from dataclasses import replace
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mnistx_export.labelled_pictures import read_folder, read_npz, read_pictures
from mnistx_export.model import Model
from mnistx_export.spec_file import SpecFile
from mnistx_runtime.errors import BadInput, MnistxError
from mnistx_train.datasets import Split, stratified
from mnistx_train.errors import first_line
from mnistx_train.evaluation.inference import OUTPUTS
from mnistx_train.networks.network_file import build_network

_WRAPPERS = ("state_dict", "model_state_dict", "model")  # under which training scripts keep a state dict
_JUDGED_SHARE = 0.5  # of the pictures, by which int8 is judged; it is calibrated on the others


def model_from_spec(described: SpecFile, golden_from: Path | None = None) -> Model:
    """The model that a spec file describes.

    Args:
        described: what the file says.
        golden_from: a folder of pictures that may travel inside every artifact; None for the one in the file, if any.

    Raises:
        BadInput: the code, the weights or the pictures can't be used, or aren't what the file says of them.
    """
    check_output(described)
    module = load_network(described)
    if described.weights is not False:
        load_weights(module, described.resolve(str(described.weights)))
    model = Model(
        module.eval().requires_grad_(False),
        described.spec,
        described.names,
        described.output,
        dataset=described.about.get("dataset", ""),
        description=described.about.get("description", ""),
        license=described.about.get("license", ""),
    )
    golden, pictures = described.data.get("golden"), described.data.get("pictures")
    folder = golden_from or (described.resolve(golden) if golden else None)
    if folder:
        model = replace(model, golden=read_pictures(folder, described.spec))
    if pictures:
        test = _labelled(described.resolve(pictures), described)
        calibration, validation = _part(test)
        model = replace(model, test=test, calibration=calibration, validation=validation)
    return model


def check_output(described: SpecFile) -> None:
    """Raise BadInput where a spec's output isn't one of `OUTPUTS`."""
    if described.output not in OUTPUTS:
        raise BadInput(f"{described.path}: output must be one of {', '.join(OUTPUTS)}, not {described.output!r}")


def load_network(described: SpecFile) -> nn.Module:
    """The module that the spec file's factory gives.

    Raises:
        BadInput: there's no such file or function, it fails, or gives something else.
    """
    try:
        return build_network(described.resolve(""), described.network, described.spec, len(described.names))
    except MnistxError as error:
        raise BadInput(f"{described.path}: {error}") from error


def load_weights(module: nn.Module, path: Path) -> None:
    """Put the weights of a file into a module.

    Args:
        module: changed in place.
        path: .safetensors, or what torch.save wrote of a state dict; nothing else in it is ever run.

    Raises:
        BadInput: it can't be read, holds no state dict, or one that doesn't fit; the text names the keys.
    """
    state = _read_state_dict(path)
    wanted = module.state_dict()
    if state and all(name.startswith("module.") for name in state) and not any(n.startswith("module.") for n in wanted):
        state = {name.removeprefix("module."): tensor for name, tensor in state.items()}  # DataParallel's
    missing, unexpected = sorted(wanted.keys() - state.keys()), sorted(state.keys() - wanted.keys())
    if missing or unexpected:
        said = [
            f"{what} {_listed(keys)}" for what, keys in (("lacks", missing), ("has unexpected", unexpected)) if keys
        ]
        raise BadInput(f"{path} doesn't fit the network: it {' and '.join(said)}")
    wrong = next((name for name in wanted if wanted[name].shape != state[name].shape), None)
    if wrong is not None:
        raise BadInput(
            f"{path} doesn't fit the network: {wrong} is {tuple(state[wrong].shape)}, the network's is "
            f"{tuple(wanted[wrong].shape)}"
        )
    with torch.no_grad():
        for name, tensor in wanted.items():
            tensor.copy_(state[name])  # load_state_dict asks MNASNet's for a version, which safetensors doesn't keep


def _read_state_dict(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise BadInput(f"{path}: no such weights file")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pickles that torch.save didn't write, which the error tells of
            found: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        objects = isinstance(error, UnpicklingError)  # torch's own text tells how to run them
        reason = "it holds more than tensors, which may run code and is never read" if objects else first_line(error)
        raise BadInput(
            f"{path} can't be read as weights: {reason}; write them by torch.save(net.state_dict(), ...) "
            "or safetensors.torch.save_file"
        ) from error
    for name in _WRAPPERS:
        if isinstance(found, dict) and isinstance(found.get(name), dict):
            found = found[name]
    if not isinstance(found, dict) or not all(isinstance(tensor, Tensor) for tensor in found.values()):
        raise BadInput(f"{path} holds a {type(found).__name__}, no state dict; write net.state_dict() into it")
    return dict(found)


def _listed(keys: list[str]) -> str:
    return ", ".join(keys[:4]) + (f" and {len(keys) - 4} more" if len(keys) > 4 else "")


def _labelled(path: Path, described: SpecFile) -> Split:
    return (
        read_npz(path, described.spec) if path.suffix == ".npz" else read_folder(path, described.spec, described.names)
    )


def _part(pictures: Split) -> tuple[NDArray[np.uint8] | None, Split | None]:
    """Half of each class to calibrate on, the other half to judge by; all for both where a class has one picture."""
    counts = np.bincount(pictures.labels)
    if (counts[counts > 0] < 2).any() or (counts == 0).any() or len(counts) < 2:
        return pictures.images, pictures
    calibration, validation = stratified(pictures, _JUDGED_SHARE)
    return calibration.images, validation
