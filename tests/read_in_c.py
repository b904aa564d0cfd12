"""The digit reader in C, compiled, and what it and the one in Python make of a picture."""

import ctypes
import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from PIL import Image

from generated_c import CC, WARNINGS
from mnistx_export.codegen.onnx_reader import network_from_onnx
from mnistx_export.codegen.reader import Reader, reader_files
from mnistx_export.codegen.source import c_files
from mnistx_runtime import MnistxError, Predictor
from mnistx_runtime.artifact.c_reader import STATUSES

MODEL = Path(__file__).parent.parent / "artifacts" / "mnist-cnn.onnx"
NUMBERS = {each.name: each.status for each in STATUSES}
Pixels = NDArray[np.uint8]

_TEXTS = {
    "NO_INK": "no ink found",
    "SEVERAL": "more than one digit",
    "SOLID": "a solid shape",
    "PIECES": "the ink lies about",
    "HOLES": "the strokes enclose",
    "UNCLEAR": "light and dark run into each other",
}
"""How Python's reasons begin, or what they hold."""


def write_reader(folder: Path, reader: Reader, name: str = "digits") -> None:
    """The released model and its reader."""
    files = c_files(network_from_onnx(onnx.load(MODEL)), name, "portable") | reader_files(reader, name)
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    (folder / f"{name}_certificate.h").write_text("")


def compile_reader(folder: Path, reader: Reader, name: str = "digits") -> "CReader":
    """The released model and its reader in a library, compiled without a warning."""
    write_reader(folder, reader, name)
    flags = ["-std=c99", "-O2", *WARNINGS, f"-D{name.upper()}_NO_SELFTEST", "-fPIC", "-shared"]
    call = [CC, *flags, f"{name}.c", f"{name}_read.c", "-lm", "-o", "reader.so"]
    done = subprocess.run(call, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return CReader(folder, name)


class CReader:
    """The functions of such a library.

    Args:
        folder: that it lies in.
        name: of the model.
    """

    def __init__(self, folder: Path, name: str) -> None:
        """Load it, and take memory as its headers say."""
        library: Any = ctypes.CDLL(str(folder / "reader.so"))
        self._read, self._reason = getattr(library, f"{name}_read"), getattr(library, f"{name}_read_reason")
        self._find, self._read_part = getattr(library, f"{name}_find"), getattr(library, f"{name}_read_part")
        self._reason.restype = ctypes.c_char_p
        headers = (folder / f"{name}_read.h").read_text() + (folder / f"{name}.h").read_text()
        own, models = (int(each) for each in re.findall(r"_WORKSPACE_BYTES \(?(\d+)", headers))
        self._memory = np.empty(own + models + 16, np.uint8)

    def read(self, picture: Pixels) -> tuple[int, Pixels]:
        """Status and image of a grey picture, in a workspace full of what others left there."""
        image = np.zeros((28, 28), np.uint8)
        size = (ctypes.c_int32(side) for side in picture.shape[::-1])
        pixels = np.ascontiguousarray(picture)
        status: int = self._read(_pointer(pixels), *size, _pointer(image), self._workspace())
        return status, image

    def find(self, picture: Pixels) -> tuple[int, list[list[int]]]:
        """How many digits there are, or a status; of each, the box of its ink and the part to read."""
        places = np.zeros((64, 8), np.int32)
        size = (ctypes.c_int32(side) for side in picture.shape[::-1])
        pixels = np.ascontiguousarray(picture)
        found: int = self._find(_pointer(pixels), *size, _pointer(places), self._workspace())
        return found, places[: max(found, 0)].tolist()

    def read_part(self, picture: Pixels, part: list[int]) -> tuple[int, Pixels]:
        """What `read` does, of a part of a picture: left, top, right, bottom."""
        image, box, pixels = np.zeros((28, 28), np.uint8), np.array(part, np.int32), np.ascontiguousarray(picture)
        width = ctypes.c_int32(picture.shape[1])
        status: int = self._read_part(_pointer(pixels), width, _pointer(box), _pointer(image), self._workspace())
        return status, image

    def _workspace(self) -> ctypes.c_void_p:
        self._memory[:] = 0xA5
        return ctypes.c_void_p(self._memory.ctypes.data + -self._memory.ctypes.data % 16)

    def reason(self, status: int) -> str:
        """Its text."""
        text: bytes = self._reason(status)
        return text.decode()


def read_in_python(predictor: Predictor, picture: Pixels) -> tuple[int, Pixels | None]:
    """The same by the reader in Python: an image where none is refused."""
    try:
        prepared, answer = predictor.explain(Image.fromarray(picture))
        reason = answer.rejection_reason
    except MnistxError as error:
        reason = str(error)
    if reason is None:
        return 0, prepared.image[0]
    return next(NUMBERS[name] for name, text in _TEXTS.items() if text in reason), None


def _pointer(array: NDArray[Any]) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)
