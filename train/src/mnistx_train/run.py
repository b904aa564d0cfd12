"""One training run, from configuration to report."""

import hashlib
from dataclasses import replace
from pathlib import Path

from mnistx_runtime.system.files import write_whole
from mnistx_train.checkpoint import NETWORK_COPY, Card, save_checkpoint
from mnistx_train.datasets import Source, TrainingData, format_shape, picture_spec, source, training_data
from mnistx_train.errors import TrainError
from mnistx_train.evaluation.calibration import apply_temperature, fit_temperature
from mnistx_train.evaluation.inference import log_probs
from mnistx_train.evaluation.metrics import Metrics, measure
from mnistx_train.job import Job
from mnistx_train.networks.network_file import check_network
from mnistx_train.reporting.events import add_epoch, check_tensorboard, event_writer
from mnistx_train.reporting.report import Report, write_report
from mnistx_train.runs import CHECKPOINT, STATE, Config, locked, new_run
from mnistx_train.training.loop import Epoch, save_state
from mnistx_train.training.parallel import ALONE, Processes
from mnistx_train.training.stages import Progress, Stage, learn, prepare_stages


def run(
    job: Job,
    data_dir: Path | None = None,
    tensorboard: bool = False,
    progress: Progress | None = None,
    group: Processes = ALONE,
) -> Metrics | None:
    """Train to the end, then read the test images, once, and write the report.

    Args:
        job: see `configure`.
        data_dir: see `source`.
        tensorboard: write event files, too.
        progress: who is told how it goes.
        group: the processes that learn together.

    Returns:
        The measures; None in all but the first of several processes.

    Raises:
        BadInput: the data can't be read, the network or the recipe doesn't fit it, the folder can't be written, or
            TensorBoard isn't there; or another process has other data.
    """
    if tensorboard:
        check_tensorboard()
    progress = progress or Progress()
    origin = _source(job, data_dir)
    data = training_data(origin)
    config = replace(job.config, data_sha256=data_sha256(data))
    if job.folder and job.config.data_sha256 != config.data_sha256:
        raise TrainError(f"{config.dataset} isn't what the run in {job.folder} was started on; start anew")
    other = group.unlike_first(bytes.fromhex(config.data_sha256))
    if other:
        raise TrainError(f"process {other[0]} has other images to learn from than the first; give all the same data")
    stages = prepare_stages(job.folder, config, job.recipe, data, group)
    if not group.first:
        learn(stages, data, group)
        return None
    folder = job.folder or new_run(config, job.out)
    with locked(folder):
        if job.network:
            write_whole(folder / NETWORK_COPY, job.network.source)
        done = len(stages[-1].state.history)
        progress.message(
            f"{folder}: {origin.name}, {len(data.training):,} images to train on, {len(data.validation):,} to "
            f"validate on, recipe {config.recipe}, {done} of {config.epochs} epochs done"
        )
        try:
            with event_writer(folder, done, tensorboard) as writer:

                def keep(stage: Stage, epoch: Epoch) -> None:
                    save_state(folder / stage.file, stage.state)
                    if writer and stage.file == STATE:
                        add_epoch(writer, epoch)
                    progress.epoch(stage, epoch)

                learn(stages, data, group, keep, progress)
        except (KeyboardInterrupt, SystemExit):
            again = f" --network {folder / NETWORK_COPY}:{job.network.factory}" if job.network else ""
            progress.message(f"stopped; `mnistx train --resume --out {folder}{again}` goes on")
            raise
        metrics = _finish(folder, config, origin, data, stages)
        progress.result(folder, metrics)
        return metrics


def _source(job: Job, data_dir: Path | None) -> Source:
    """The data set, after a look at whether the recipe and the network fit it."""
    config = job.config
    asked = picture_spec(config.height, config.width, config.channels)
    origin = source(config.dataset, data_dir, spec=asked)
    if asked and asked.preprocess != origin.spec.preprocess:
        raise TrainError(
            f"--size and --channels are for folders of pictures; {origin.name} has images of "
            f"{format_shape(origin.spec.shape)} already"
        )
    job.recipe.check(origin.spec.shape)
    if job.network:
        try:
            check_network(job.network.build(len(origin.names), origin.spec), len(origin.names), origin.spec)
        except TrainError as error:
            raise TrainError(f"{job.network.name}: {error}") from error
    return origin


def data_sha256(data: TrainingData) -> str:
    """A digest of the images and labels that are learned from and chosen by."""
    parts = (data.training, data.validation)
    return hashlib.sha256(b"".join(part.images.tobytes() + part.labels.tobytes() for part in parts)).hexdigest()


def _finish(folder: Path, config: Config, origin: Source, data: TrainingData, stages: list[Stage]) -> Metrics:
    """Measure what was trained on the test images, write the checkpoint and the report, and remove the states."""
    state = stages[-1].state
    network = state.answering_network
    validation = log_probs(network, data.validation.images, data.spec, output=state.output)
    temperature = fit_temperature(validation, data.validation.labels)
    test = origin.read(False)
    answers = log_probs(network, test.images, data.spec, output=state.output)
    metrics = measure(apply_temperature(answers, temperature), test.labels)
    card = Card(
        names=origin.names,
        input=data.spec,
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
        network_sha256=config.network_sha256,
        output=state.output,
    )
    save_checkpoint(folder / CHECKPOINT, network, card)
    report = Report(
        f"{origin.name}: {config.recipe} recipe, seed {config.seed}",
        f"{config.epochs} epochs of {len(data.training):,} images, batch {config.batch_size}, "
        f"learning rate {config.lr:g}. Measured on {metrics.count:,} test images, read once, after training.",
        origin.names,
        metrics,
        tuple(state.history),
    )
    write_report(folder, report, test)
    for stage in reversed(stages):  # without its own state the run is finished
        (folder / stage.file).unlink(missing_ok=True)
    return metrics
