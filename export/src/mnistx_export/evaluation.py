"""Measures any model, checkpoint or artifact, in the same way."""

from dataclasses import dataclass
from pathlib import Path

from mnistx_export.defaults import checkpoint_path, data_source
from mnistx_runtime.backends import runtime_of
from mnistx_runtime.errors import BadInput
from mnistx_runtime.predictor import Predictor
from mnistx_train.calibration import apply_temperature
from mnistx_train.checkpoint import load_checkpoint
from mnistx_train.datasets import Split, source
from mnistx_train.inference import log_probs
from mnistx_train.metrics import Metrics, measure


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a model is worth on its test images.

    Args:
        path: the model.
        runtime: what ran it: "torch" for a checkpoint.
        dataset: whose test images.
        names: class names.
        test: the images.
        metrics: the measures.
    """

    path: Path
    runtime: str
    dataset: str
    names: tuple[str, ...]
    test: Split
    metrics: Metrics


def evaluate(
    model: Path | None = None,
    runtime: str | None = None,
    dataset: str | None = None,
    data_dir: Path | None = None,
) -> Evaluation:
    """Answer the test images with a model and measure the answers.

    Args:
        model: a checkpoint, a run folder or an artifact; see `checkpoint_path` for None.
        runtime: for an artifact; None for the one that its ending names.
        dataset: see `mnistx_train.datasets.source`; None for the one it was trained on.
        data_dir: where the published sets lie.

    Raises:
        ArtifactError, BackendUnavailable, TrainError: the model or the data can't be read.
        BadInput: the model's classes aren't the data set's, or a checkpoint is to be run by another runtime.
    """
    path = checkpoint_path(model) if model is None or model.is_dir() else model
    if path.suffix == ".safetensors":
        if runtime not in (None, "torch"):
            raise BadInput(f"{path} is a checkpoint, which only torch runs; export it for runtime {runtime!r}")
        network, card = load_checkpoint(path)
        origin = source(dataset, data_dir) if dataset else data_source(path, card, data_dir, download=True)
        names, temperature, chosen = card.names, card.temperature, "torch"
        test = _test(origin.names, names, origin.read(False), path)
        answers = log_probs(network, test.images, card.mean, card.std)
    else:
        chosen = runtime or runtime_of(path)
        predictor = Predictor(path, chosen)
        origin = source(dataset or predictor.metadata.dataset, data_dir)
        names, temperature = predictor.metadata.names, predictor.metadata.temperature
        test = _test(origin.names, names, origin.read(False), path)
        answers = predictor.log_probs(test.images)
    metrics = measure(apply_temperature(answers, temperature), test.labels)
    return Evaluation(path, chosen, origin.name, names, test, metrics)


def _test(of_data: tuple[str, ...], of_model: tuple[str, ...], test: Split, path: Path) -> Split:
    if of_data != of_model:
        raise BadInput(f"{path} knows the classes {', '.join(of_model)}; the data set has {', '.join(of_data)}")
    return test
