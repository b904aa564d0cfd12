"""Which checkpoint, which images and which file are meant when none are named."""

from pathlib import Path

from mnistx_export.formats.base import Format
from mnistx_runtime.errors import BadInput
from mnistx_runtime.input_spec import InputSpec
from mnistx_train.checkpoint import load_card
from mnistx_train.datasets import Source, source
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


def data_source(checkpoint: Path, data_dir: Path | None, download: bool) -> Source:
    """The data set that a checkpoint was trained on: as its run folder names it, else as its card does.

    Raises:
        TrainError: it can't be found.
    """
    card = load_card(checkpoint)
    beside = checkpoint.parent / CONFIG
    name = read_config(checkpoint.parent).dataset if beside.is_file() else card.dataset
    return source(name, data_dir, download, picture_spec_of(card.input))


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
