"""Reads an ONNX file of any origin, with the weights that lie beside it."""

from pathlib import Path

import onnx

from mnistx_runtime.artifact.foreign_model import reason_against_path
from mnistx_runtime.artifact.onnx_file import external_files
from mnistx_runtime.artifact.sizes import require_size
from mnistx_runtime.errors import ArtifactError
from mnistx_train.errors import first_line

ONE_FILE = "torch.onnx.export(..., external_data=False) writes one file that holds all"


def load_onnx(path: Path) -> onnx.ModelProto:
    """The model, with weights that lie in other files taken into it.

    Args:
        path: of the .onnx file. Its other files are looked for in its folder alone, as ordinary files.

    Raises:
        ArtifactError: it is missing, damaged or too large, or another file that it names is missing or lies elsewhere.
    """
    if not path.is_file():
        raise ArtifactError(reason_against_path(path))
    require_size([path])
    others = [*dict.fromkeys(external_files(path.read_bytes(), str(path)))]
    for name in others:
        _check_beside(path, name)
    require_size([path, *(path.parent / name for name in others)])
    try:
        return onnx.load(path)
    except Exception as error:
        raise ArtifactError(f"{path} is not a readable ONNX model: {first_line(error)}") from error


def _check_beside(path: Path, name: str) -> None:
    """Raise ArtifactError where a file that a model names isn't in the model's folder."""
    folder = path.parent.resolve()
    named = path.parent / name
    if not name or "\0" in name or "\\" in name or Path(name).is_absolute() or ".." in Path(name).parts:
        raise ArtifactError(
            f"{path}: its weights lie in {name!r}, outside of its folder, where nothing is read; {ONE_FILE}"
        )
    links = [each for each in (named, *named.parents) if each.is_symlink() and each.resolve() != folder]
    if any(path.parent in each.parents for each in links):
        raise ArtifactError(f"{path}: its weights lie in {name!r}, which is a link; put the file itself there")
    if not named.is_file():
        raise ArtifactError(
            f"{path}: its weights lie in {name!r}, which is missing beside it; put it there, or {ONE_FILE}"
        )
