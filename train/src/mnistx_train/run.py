"""One training run, from configuration to report."""

import hashlib
import json
import platform
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import torch

from mnistx_train import __version__
from mnistx_train.calibration import apply_temperature, fit_temperature
from mnistx_train.checkpoint import Card, save_checkpoint
from mnistx_train.datasets import SOURCES, Source, TrainingData, is_folder, source, training_data
from mnistx_train.errors import TrainError
from mnistx_train.events import check_tensorboard, event_writer
from mnistx_train.inference import log_probs
from mnistx_train.metrics import Metrics, measure
from mnistx_train.network import fold_batch_norm, shape
from mnistx_train.parallel import processes
from mnistx_train.recipes import DEFAULT
from mnistx_train.recipes import recipe as recipe_named
from mnistx_train.report import write_report
from mnistx_train.runs import (
    CHECKPOINT,
    Config,
    is_finished,
    last_unfinished,
    locked,
    new_run,
    read_config,
)
from mnistx_train.stages import Progress, Stage, learn, prepare_stages


def begin(asked: dict[str, Any], out: Path | None, resume: bool) -> tuple[Path | None, Config]:
    """The run folder to go on with, None for a new run, and what is to be trained.

    Args:
        asked: the fields of `Config` that the user named; the recipe gives the others.
        out: the run folder, or None for a new one under `artifacts/runs`.
        resume: go on with a run instead; what `asked` names must agree with it.

    Raises:
        TrainError: the folder or a value can't be used.
    """
    if resume:
        folder = out or last_unfinished()
        config = read_config(folder)
        if is_finished(folder):
            raise TrainError(f"the run in {folder} is finished; there is nothing to go on with")
        if asked.get("device") == "auto":
            del asked["device"]
        if "dataset" in asked:
            asked["dataset"] = _absolute(asked["dataset"])
        other = [f"{name} {getattr(config, name)}" for name in asked if getattr(config, name) != asked[name]]
        if other:
            raise TrainError(f"the run in {folder} was started with {', '.join(other)}; leave that out, or start anew")
        _device(config.device)
        changed = [name for name, found in _versions().items() if config.versions.get(name) != found]
        if changed:
            click.echo(f"{', '.join(changed)} changed since {folder} began: its weights may round otherwise", err=True)
        return folder, config
    recipe = recipe_named(asked.get("recipe", DEFAULT))
    shape(asked.get("network", recipe.network))
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
        network=asked.get("network", recipe.network),
    )
    return None, config


def _versions() -> dict[str, str]:
    packages = {package: version(package) for package in ("torch", "torchvision", "numpy")}
    return {"python": platform.python_version(), "mnistx-train": __version__, **packages}


def run(
    folder: Path | None,
    config: Config,
    out: Path | None,
    data_dir: Path | None,
    as_json: bool,
    tensorboard: bool = False,
) -> Metrics | None:
    """Train to the end, then read the test images, once, and write the report.

    Args:
        folder: the run to go on with; None for a new one.
        config: what is trained.
        out: the folder for a new run; None for the next under `artifacts/runs`.
        data_dir: see `source`.
        as_json: print JSON Lines instead of text.
        tensorboard: write event files, too.

    Returns:
        The measures; None in all but the first of several processes.

    Raises:
        TrainError: the data can't be read, the folder can't be written, or TensorBoard isn't there.
    """
    if tensorboard:
        check_tensorboard()
    with processes(config.device) as together:
        origin = source(config.dataset, data_dir)
        data = training_data(origin)
        if folder is None:
            config = replace(config, data_sha256=data_sha256(data))
        elif config.data_sha256 != data_sha256(data):
            raise TrainError(f"{config.dataset} isn't what the run in {folder} was started on; start anew")
        stages = prepare_stages(folder, config, len(origin.names))
        if not together.first:
            learn(stages, data, together)
            return None
        folder = folder or new_run(config, out)
        with locked(folder):
            click.echo(
                f"{folder}: {origin.name}, {len(data.training):,} images to train on, {len(data.validation):,} to "
                f"validate on, recipe {config.recipe}, {len(stages[-1].state.history)} of {config.epochs} epochs done",
                err=True,
            )
            try:
                with event_writer(folder, len(stages[-1].state.history), tensorboard) as writer:
                    learn(stages, data, together, Progress(folder, as_json, writer))
            except KeyboardInterrupt:
                click.echo(f"stopped; `mnistx train --resume --out {folder}` goes on", err=True)
                raise
            return _finish(folder, config, origin, data, stages, as_json)


def data_sha256(data: TrainingData) -> str:
    """A digest of the images and labels that are learned from and chosen by."""
    parts = (data.training, data.validation)
    return hashlib.sha256(b"".join(part.images.tobytes() + part.labels.tobytes() for part in parts)).hexdigest()


def _finish(
    folder: Path, config: Config, origin: Source, data: TrainingData, stages: list[Stage], as_json: bool
) -> Metrics:
    state = stages[-1].state
    network = fold_batch_norm(state.network)
    validation = log_probs(network, data.validation.images, data.mean, data.std)
    temperature = fit_temperature(validation, data.validation.labels)
    test = origin.read(False)
    answers = log_probs(network, test.images, data.mean, data.std)
    metrics = measure(apply_temperature(answers, temperature), test.labels)
    card = Card(
        names=origin.names,
        mean=data.mean,
        std=data.std,
        dataset=origin.name,
        recipe=config.recipe,
        epochs=config.epochs,
        batch_size=config.batch_size,
        lr=config.lr,
        seed=config.seed,
        validation_accuracy=state.history[-1].validation_accuracy,
        test_accuracy=metrics.accuracy,
        temperature=temperature,
        network=config.network,
    )
    save_checkpoint(folder / CHECKPOINT, network, card)
    write_report(
        folder,
        f"{origin.name}: {config.recipe} recipe, seed {config.seed}",
        f"{config.epochs} epochs of {len(data.training):,} images, batch {config.batch_size}, "
        f"learning rate {config.lr:g}. Measured on {metrics.count:,} test images, read once, after training.",
        origin.names,
        metrics,
        test,
        state.history,
    )
    for stage in reversed(stages):  # without its own state the run is finished
        (folder / stage.file).unlink(missing_ok=True)
    if as_json:
        found = {
            "checkpoint": str(folder / CHECKPOINT),
            "test_accuracy": metrics.accuracy,
            "test_loss": metrics.loss,
        }
        click.echo(json.dumps(found))
    else:
        click.echo(f"test accuracy {metrics.accuracy:.2%} ({len(metrics.wrong)} of {metrics.count:,} misread)")
        click.echo(f"checkpoint {folder / CHECKPOINT}, report {folder / 'report.html'}")
    return metrics


def _absolute(dataset: str) -> str:
    """A folder's whole path, so that the run can be resumed from anywhere; a name as it is."""
    return str(Path(dataset).resolve()) if dataset not in SOURCES and is_folder(dataset) else dataset


def _device(name: str) -> str:
    if name == "cuda" and not torch.cuda.is_available():
        raise TrainError("no CUDA device here; use --device cpu or auto")
    return ("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name
