"""What a run is asked to do, checked before any work: a new run, or one to go on with."""

import logging
import platform
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from mnistx_train import __version__
from mnistx_train.checkpoint import NETWORK_COPY
from mnistx_train.datasets import SOURCES, is_path, picture_spec
from mnistx_train.errors import TrainError
from mnistx_train.networks.cnn import check_network_name
from mnistx_train.networks.network_file import NetworkFile, is_network_file, read_network_file
from mnistx_train.recipes import DEFAULT, Recipe
from mnistx_train.recipes import recipe as recipe_named
from mnistx_train.runs import Config, clear_finished, is_finished, last_unfinished, read_config

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """What is to be trained, and where.

    Args:
        config: all that it takes to repeat it.
        folder: of the run to go on with; None for a new run.
        out: the folder for a new run; None for the next under `artifacts/runs`.
        network: the file of a user's own network; None for one of `NETWORKS`.
    """

    config: Config
    folder: Path | None = None
    out: Path | None = None
    network: NetworkFile | None = None

    @property
    def recipe(self) -> Recipe:
        """The recipe with what the configuration says otherwise."""
        config = self.config
        return replace(
            recipe_named(config.recipe),
            epochs=config.epochs,
            batch_size=config.batch_size,
            lr=config.lr,
            network=self.network or config.network,
        )


def configure(asked: dict[str, Any], out: Path | None, resume: bool) -> Job:
    """What is to be trained: a new run, or one to go on with.

    Args:
        asked: the fields of `Config` that the user named; the recipe gives the others. A `network` may be the path of
            a file, FILE.py:FACTORY.
        out: the run folder, or None for a new one under `artifacts/runs`.
        resume: go on with a run instead; what `asked` names must agree with it.

    Raises:
        BadInput: the folder or a value can't be used.
    """
    asked = dict(asked)
    file = None
    if is_network_file(asked.get("network", "")):
        file = read_network_file(asked["network"])
        asked |= {"network": file.name, "network_sha256": file.sha256}
    elif "network" in asked:
        check_network_name(asked["network"])
    if resume:
        folder = out or last_unfinished()
        return Job(_check_resumable(folder, asked, file), folder, network=file)
    recipe = recipe_named(asked.get("recipe", DEFAULT))
    spec = picture_spec(*(asked.get(name) for name in ("height", "width", "channels")))
    sizes = dict(zip(("channels", "height", "width"), spec.shape, strict=True)) if spec else {}
    config = Config(
        dataset=_absolute(asked.get("dataset", "mnist")),
        recipe=recipe.name,
        epochs=asked.get("epochs", recipe.epochs),
        batch_size=asked.get("batch_size", recipe.batch_size),
        lr=asked.get("lr", recipe.lr),
        seed=asked.get("seed", 0),
        device=_device(asked.get("device", "auto")),
        threads=torch.get_num_threads(),
        data_sha256="",
        versions=_versions(),
        network=asked.get("network", str(recipe.network)),
        network_sha256=asked.get("network_sha256", ""),
        **sizes,
    )
    job = Job(config, None, out, file)
    if spec:
        job.recipe.check(spec.shape)
    return job


def _check_resumable(folder: Path, asked: dict[str, Any], file: NetworkFile | None) -> Config:
    """The configuration of a run that can go on, as it was asked for.

    Raises:
        TrainError: it can't, or was started otherwise.
    """
    config = read_config(folder)
    if is_finished(folder):
        clear_finished(folder)
        raise TrainError(f"the run in {folder} is finished; there is nothing to go on with")
    if asked.get("device") == "auto":
        del asked["device"]
    if "dataset" in asked:
        asked["dataset"] = _absolute(asked["dataset"])
    if file and config.network_sha256:
        if (file.factory, file.sha256) != (config.network.rpartition(":")[2], config.network_sha256):
            raise TrainError(
                f"the run in {folder} was started with another {config.network} than {file.path}:{file.factory}; "
                f"{folder / NETWORK_COPY} is its copy"
            )
        asked["network"] = config.network  # by whatever name the file goes now
    other = [f"{name} {getattr(config, name)}" for name in asked if getattr(config, name) != asked[name]]
    if other:
        raise TrainError(f"the run in {folder} was started with {', '.join(other)}; leave that out, or start anew")
    if config.network_sha256 and "network" not in asked:
        raise TrainError(
            f"the run in {folder} trains a network of your own: name its file again, "
            f"--network {folder / NETWORK_COPY}:{config.network.rpartition(':')[2]}"
        )
    _device(config.device)
    changed = [name for name, found in _versions().items() if config.versions.get(name) != found]
    if changed:
        _log.warning("%s changed since %s began: its weights may round otherwise", ", ".join(changed), folder)
    return config


def _versions() -> dict[str, str]:
    packages = {package: version(package) for package in ("torch", "torchvision", "numpy")}
    return {"python": platform.python_version(), "mnistx-train": __version__, **packages}


def _absolute(dataset: str) -> str:
    """The whole path of a folder or file, so that the run can be resumed from anywhere; a name as it is."""
    return str(Path(dataset).resolve()) if dataset not in SOURCES and is_path(dataset) else dataset


def _device(name: str) -> str:
    if name == "cuda" and not torch.cuda.is_available():
        raise TrainError("no CUDA device here; use --device cpu or auto")
    return ("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name
