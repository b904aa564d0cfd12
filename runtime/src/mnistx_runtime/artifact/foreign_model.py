"""Files of other tools that people hand in as models: what they are, and how such a model gets here.

Told from the first bytes and from the names of a zip archive's entries. Nothing in the file is decoded or run.
"""

import zipfile
from pathlib import Path

from mnistx_runtime.artifact.sizes import MOST_BYTES
from mnistx_runtime.system.plain_file import SPECIAL, is_special, require_plain

_BY_SPEC = (
    "`mnistx spec init mine.toml` writes a spec: name the network's Python code and {weights} in it, then "
    "`mnistx export --spec mine.toml --format onnx`"
)
_BY_ONNX = "convert it to ONNX with its own tools, then `mnistx seal model.onnx --spec mine.toml` takes it"

STATE_DICT = "what torch.save wrote; " + _BY_SPEC.format(weights="this file, if it is a state dict, as its weights")
WEIGHTS = "weights without the card that `mnistx train` writes; " + _BY_SPEC.format(weights="this file as its weights")

_TORCHSCRIPT = "TorchScript; " + _BY_SPEC.format(weights="weights saved by torch.save(net.state_dict(), ...)")
_KERAS = f"a Keras model; {_BY_ONNX}"
_PICKLE = "a pickle, which may run code and is never read; " + _BY_SPEC.format(
    weights="weights saved by torch.save(net.state_dict(), ...)"
)

_LEGACY_TORCH = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."  # torch.serialization.MAGIC_NUMBER, pickled
_MAGIC = {
    b"\x89HDF\r\n\x1a\n": "an HDF5 file, as Keras writes them; " + _BY_ONNX,
    _LEGACY_TORCH: STATE_DICT,
    b"\x80": _PICKLE,
    b"GGUF": "a GGUF file of a language model, which mnistx has no use for",
    b"\x93NUMPY": "a NumPy array, no network",
}
"""By a file's first bytes, the longest first."""

_ENTRIES = {
    "model.weights.h5": _KERAS,
    "constants.pkl": _TORCHSCRIPT,
    "data.pkl": STATE_DICT,
    ".npy": "NumPy arrays, no network; convert them to a state dict, saved by torch.save, for a spec's weights",
}
"""By how the name of a zip archive's entry ends."""


def reason_against_path(path: Path) -> str:
    """What to tell of the path of a model at which no file lies.

    >>> reason_against_path(Path("no.onnx"))
    'no.onnx: no such model file'
    """
    what = foreign_model(path)
    if what:
        return f"{path} is {what}"
    if path.is_dir():
        return f"{path} is a folder; name the model file in it"
    return f"{path}: {SPECIAL if is_special(path) else 'no such model file'}"


def foreign_model(path: Path) -> str:
    """What a file or folder is that another tool wrote, and what to do with it; empty where no such tool is known.

    >>> foreign_model(Path("no/such/file"))
    ''
    """
    if (path / "saved_model.pb").is_file():
        return f"a SavedModel of TensorFlow; {_BY_ONNX}"
    try:
        with require_plain(path).open("rb") as file:
            start = file.read(64)
        if start[:4] == b"PK\x03\x04" and path.stat().st_size <= MOST_BYTES:
            with zipfile.ZipFile(path) as archive:
                names = archive.namelist()
            return next((what for end, what in _ENTRIES.items() if any(name.endswith(end) for name in names)), "")
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError):
        return ""
    if start[4:8] == b"TFL3":
        return "a TensorFlow Lite model"
    return next((what for magic, what in _MAGIC.items() if start.startswith(magic)), "")
