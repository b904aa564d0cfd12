"""Measures any model, checkpoint or artifact, in the same way."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistx_export.defaults import checkpoint_path, data_source, picture_spec_of
from mnistx_export.labelled_pictures import labelled_files
from mnistx_runtime.artifact.container import is_plain_folder
from mnistx_runtime.backends import runtime_of, trusted_model
from mnistx_runtime.cluster.log_probs import log_probs_on_ray
from mnistx_runtime.cluster.predict import artifact_of
from mnistx_runtime.errors import BadInput
from mnistx_runtime.predictor import Predictor
from mnistx_runtime.system.threads import available_cpus
from mnistx_train.datasets import Split, source
from mnistx_train.evaluation.calibration import apply_temperature
from mnistx_train.evaluation.metrics import Metrics, measure


@dataclass(frozen=True, eq=False)
class Evaluation:
    """How good a model is on labelled images.

    Args:
        path: the model.
        runtime: what ran it: "torch" for a checkpoint.
        dataset: whose images.
        names: class names.
        test: the images, as the model read them.
        metrics: the measures.
        refused: pictures that couldn't be read, or held nothing to read; they count as misread nowhere.
    """

    path: Path
    runtime: str
    dataset: str
    names: tuple[str, ...]
    test: Split
    metrics: Metrics
    refused: int = 0


def evaluate(
    model: Path | None = None,
    runtime: str | None = None,
    dataset: str | None = None,
    data_dir: Path | None = None,
    allow_foreign: bool = False,
) -> Evaluation:
    """Answer the test images with a model and measure the answers.

    Args:
        model: a checkpoint, a run folder or an artifact; see `checkpoint_path` for None.
        runtime: for an artifact; None for the one that its ending names.
        dataset: see `mnistx_train.datasets.source`; None for the one it was trained on.
        data_dir: the folder that the data set lies in.
        allow_foreign: see `mnistx_runtime.open_artifact`.

    Raises:
        ArtifactError, BackendUnavailable, TrainError: the model or the data can't be read.
        BadInput: the model's classes aren't the data set's, or a checkpoint is to be run by another runtime.
    """
    path = checkpoint_path(model) if model is None or is_plain_folder(model) else model
    predictor, chosen = _load(path, runtime, allow_foreign)
    metadata = predictor.metadata
    if dataset:
        origin = source(dataset, data_dir, spec=picture_spec_of(metadata.input))
    else:
        origin = data_source(path, metadata, data_dir, download=True)
    if origin.names != metadata.names:
        raise BadInput(
            f"{path} knows the classes {', '.join(metadata.names)}; the data set has {', '.join(origin.names)}"
        )
    test = origin.read(False)
    metrics = measure(apply_temperature(predictor.log_probs(test.images), metadata.temperature), test.labels)
    return Evaluation(path, chosen, origin.name, metadata.names, test, metrics)


def evaluate_folder(
    model: Path,
    folder: Path,
    runtime: str | None = None,
    allow_foreign: bool = False,
    engine: str | None = None,
) -> Evaluation:
    """Measure a model from picture files to answers, through its own preprocess.

    Args:
        model: a checkpoint, a run folder or an artifact.
        folder: of pictures, one subfolder a class.
        runtime: see `evaluate`.
        allow_foreign: likewise.
        engine: "ray" to answer on a cluster; None for this machine.

    Raises:
        ArtifactError, BackendUnavailable, TrainError: the model can't be read or run.
        BadInput: the folder holds no pictures of its classes, or none that can be read.
    """
    path = checkpoint_path(model) if is_plain_folder(model) else model
    predictor, chosen = _load(path, runtime, allow_foreign)
    files = labelled_files(folder, predictor.metadata.names)
    answers, labels, read = [], [], []
    names = [str(file) for file, _ in files]
    if engine:
        found = log_probs_on_ray(names, folder, artifact_of(path, chosen, allow_foreign), chosen)
        outcomes: Iterable[Any] = map(found.get, names)
    else:
        outcomes = map(_log_probs, predictor.predict_files(names, processes=available_cpus()))
    for (file, label), outcome in zip(files, outcomes, strict=True):
        if outcome is not None:
            answers.append(outcome)
            labels.append(label)
            read.append(file)
    if not answers:
        raise BadInput(f"{folder}: none of {len(files):,} pictures can be read")
    log_probs, truth = np.stack(answers), np.array(labels, np.int64)
    metrics = measure(apply_temperature(log_probs, predictor.metadata.temperature), truth)
    wrong = [index for index, *_ in metrics.wrong]
    images = np.zeros((len(read), *predictor.metadata.input.shape), np.uint8)
    for index in wrong:
        images[index] = predictor.explain(read[index])[0].image
    refused = len(files) - len(read)
    return Evaluation(path, chosen, str(folder), predictor.metadata.names, Split(images, truth), metrics, refused)


def _log_probs(outcome: Any) -> NDArray[np.float32] | None:
    return None if isinstance(outcome, Exception) else outcome.log_probs


def _load(path: Path, runtime: str | None, allow_foreign: bool) -> tuple[Predictor, str]:
    chosen = runtime_of(path)
    if chosen == "torch" and runtime not in (None, "torch"):
        raise BadInput(f"{path} is a checkpoint, which only torch runs; export it for runtime {runtime!r}")
    chosen = runtime or chosen
    return Predictor(trusted_model(path, chosen, allow_foreign), chosen), chosen
