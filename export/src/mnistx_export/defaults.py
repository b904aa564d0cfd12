"""Which checkpoint, which images and which file are meant when none are named."""

from pathlib import Path

from mnistx_export.formats.base import Format
from mnistx_runtime.artifact.metadata import Metadata
from mnistx_runtime.errors import BadInput
from mnistx_runtime.input_spec import InputSpec
from mnistx_train.datasets import SOURCES, Source, source
from mnistx_train.datasets.base import folder_name
from mnistx_train.errors import NotAtHand
from mnistx_train.runs import CONFIG, last_finished, read_config

RELEASED = Path("artifacts/mnist-cnn.safetensors")


def checkpoint_path(named: Path | None) -> Path:
    """The checkpoint named, else that of the last finished run under `artifacts/runs`, else the released one.

    Raises:
        BadInput: there's none.
    """
    found = named or last_finished() or (RELEASED if RELEASED.is_file() else None)
    if found is None:
        raise BadInput(f"no finished run under artifacts/runs and no {RELEASED} here; name one with --checkpoint")
    return found / "model.safetensors" if found.is_dir() else found


def data_source(model: Path, metadata: Metadata, data_dir: Path | None, download: bool) -> Source:
    """The data set that a model was trained on.

    A model keeps no path. One of a user's own lies where the run folder says that the model is in; else only the place
    that the caller names is looked at, as a folder that happens to be called alike isn't what was learned from.

    Args:
        model: a checkpoint or an artifact.
        metadata: what it says of itself.
        data_dir: the folder that the data set lies in; None for where it is found without.
        download: whether a published set that isn't at hand may be downloaded.

    Raises:
        BadInput: the model doesn't say what it was trained on.
        TrainError: the data set can't be found or read.
    """
    if not metadata.dataset:
        raise BadInput(f"{model} doesn't say what it was trained on; name a folder of pictures, or a --dataset")
    asked = picture_spec_of(metadata.input)
    if metadata.dataset in SOURCES:
        return source(metadata.dataset, data_dir, download, asked)
    place = _place_of_own(model, metadata.dataset, data_dir)
    if place is None or not place.exists():
        where = f"isn't at {place}" if place else "is a data set of one's own, and no model says where such lies"
        help_text = "name the folder that it is in with --data-dir"
        raise NotAtHand(f"{metadata.dataset}, which {model.name} was trained on, {where}; {help_text}")
    return source(str(place), spec=asked)


def _place_of_own(model: Path, dataset: str, data_dir: Path | None) -> Path | None:
    """Where a user's own data set should lie; None where nobody says."""
    if data_dir is not None:
        return data_dir / Path(dataset).name
    if not (model.parent / CONFIG).is_file():
        return None
    trained_on = Path(read_config(model.parent).dataset)
    return trained_on if folder_name(trained_on) == dataset else None


def picture_spec_of(spec: InputSpec) -> InputSpec | None:
    """How a folder of pictures is to be read for a model; None where the digit reader reads it, or nothing does."""
    return spec if spec.preprocess == "resize" else None


def artifact_path(source: Path, out: Path | None, target: Format) -> Path:
    """Where an artifact goes: the file named, else into the folder named, else beside what it is made of.

    Args:
        source: a checkpoint, or the spec of a network of the user's.
        out: the file or folder named.
        target: the artifact's format.

    >>> from mnistx_export.formats.base import format_named
    >>> artifact_path(Path("runs/model.safetensors"), None, format_named("onnx-fp16")).as_posix()
    'runs/model-fp16.onnx'
    """
    name = f"{source.stem}{target.variant}{target.suffix}"
    if out is None:
        return source.with_name(name)
    is_file = out.suffix and (not out.is_dir() or (target.folder and out.suffix == target.suffix))
    return out if is_file else out / name
