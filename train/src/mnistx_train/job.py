"""What a run is asked to do, checked before any work: a new run, or one to go on with."""

import json
import logging
import platform
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from mnistx_train import __version__
from mnistx_train.checkpoint import NETWORK_COPY
from mnistx_train.datasets import SOURCES, is_path, picture_spec
from mnistx_train.errors import TrainError, first_line
from mnistx_train.networks.cnn import check_network_name
from mnistx_train.networks.network_file import NetworkFile, is_network_file, read_network_file
from mnistx_train.recipes import DEFAULT, Recipe
from mnistx_train.recipes import recipe as recipe_named
from mnistx_train.runs import Config, clear_finished, is_finished, last_unfinished, parse_config, read_config
from mnistx_train.training.parallel import ALONE, Processes

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """What is to be trained, and where.

    Args:
        config: all that it takes to repeat it.
        folder: of the run to go on with; None for a new run, and in all but the first of several processes.
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


def configure(asked: dict[str, Any], out: Path | None, resume: bool, group: Processes = ALONE) -> Job:
    """What is to be trained: a new run, or one to go on with.

    Of several processes, the first one decides and alone looks at run folders; the others' hosts may not have them.

    Args:
        asked: the fields of `Config` that the user named; the recipe gives the others. A `network` may be the path of
            a file, FILE.py:FACTORY.
        out: the run folder, or None for a new one under `artifacts/runs`.
        resume: go on with a run instead; what `asked` names must agree with it.
        group: the processes that learn together; what `asked` names in the others must agree with the first.

    Raises:
        BadInput: the folder or a value can't be used.
    """
    asked = dict(asked)
    if asked.get("device") == "auto":
        del asked["device"]
    file = None
    if is_network_file(asked.get("network", "")):
        file = read_network_file(asked["network"])
        asked |= {"network": file.name, "network_sha256": file.sha256}
    elif "network" in asked:
        check_network_name(asked["network"])
    if not group.first:
        return Job(_follow_first(group.broadcast(), asked, file), network=file)
    job = _go_on(asked, out or last_unfinished(), file) if resume else _start(asked, out, file)
    group.broadcast(json.dumps(asdict(job.config)).encode())
    return job


def _start(asked: dict[str, Any], out: Path | None, file: NetworkFile | None) -> Job:
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


def _go_on(asked: dict[str, Any], folder: Path, file: NetworkFile | None) -> Job:
    """A run that can go on, as it was asked for.

    Raises:
        TrainError: it can't, or was started otherwise.
    """
    config = read_config(folder)
    if is_finished(folder):
        clear_finished(folder)
        raise TrainError(f"the run in {folder} is finished; there is nothing to go on with")
    if "dataset" in asked:
        asked["dataset"] = _absolute(asked["dataset"])
    _check_alike(config, asked, file, f"the run in {folder}", folder / NETWORK_COPY)
    return Job(config, folder, network=file)


def _follow_first(text: bytes, asked: dict[str, Any], file: NetworkFile | None) -> Config:
    """What the first process trains, once this one can do it, too.

    Raises:
        TrainError: it can't, or was told otherwise.
    """
    try:
        config = parse_config(text.decode())
    except ValueError as error:
        raise TrainError(f"the first process has another mnistx-train than this: {first_line(error)}") from error
    if asked.get("dataset", "mnist") not in SOURCES:  # a host may have its own elsewhere; digests are compared
        config = replace(config, dataset=_absolute(asked.pop("dataset")))
    _check_alike(config, asked, file, "the first process", Path(config.network.rpartition(":")[0]))
    return config


def _check_alike(config: Config, asked: dict[str, Any], file: NetworkFile | None, what: str, copy: Path) -> None:
    """Raise TrainError where something is asked for that isn't as configured, or isn't here.

    Args:
        config: of what was started.
        asked: the fields of `Config` that are named now.
        file: the network's, as it is named now.
        what: was started.
        copy: where the file of a user's own network lies.
    """
    factory = config.network.rpartition(":")[2]
    if file and config.network_sha256:
        if (file.factory, file.sha256) != (factory, config.network_sha256):
            raise TrainError(
                f"{what} was started with another {config.network} than {file.path}:{file.factory}; {copy} is its copy"
            )
        asked = asked | {"network": config.network}  # by whatever name the file goes now
    other = [f"{name} {getattr(config, name)}" for name in asked if getattr(config, name) != asked[name]]
    if other:
        raise TrainError(f"{what} was started with {', '.join(other)}; leave that out, or start anew")
    if config.network_sha256 and not file:
        raise TrainError(f"{what} trains a network of your own: name its file again, --network {copy}:{factory}")
    _device(config.device)
    changed = [name for name, found in _versions().items() if config.versions.get(name) != found]
    if changed:
        _log.warning("%s changed since %s began: its weights may round otherwise", ", ".join(changed), what)


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
