"""Metadata for formats that have no place of their own for it: at the end of the file, or in a JSON beside it.

Either holds a sha256 of the model too, which is compared before the model is loaded: the runtimes behind these formats
trust their input, and crash on a file that was cut off.
"""

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mnistx_runtime.errors import ArtifactError

ENTRY = "mnistx.json"


def appended(data: bytes, props: Mapping[str, str]) -> bytes:
    """A model file with a zip archive after it that holds the metadata, as TensorFlow Lite keeps associated files.

    Args:
        data: a file whose readers ignore what follows the model (.tflite, .pte).
        props: string properties.

    >>> split(appended(b"model", {"a": "1"}), "m.tflite")
    (b'model', {'a': '1'})
    """
    file = io.BytesIO(data)
    file.seek(0, io.SEEK_END)
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(ENTRY), _seal([data], props), zipfile.ZIP_DEFLATED, 9)
    return file.getvalue()


def split(data: bytes, source: str) -> tuple[bytes, dict[str, str]]:
    """The inverse of `appended`: the model, and its properties.

    Raises:
        ArtifactError: the file carries no metadata, or isn't what was exported.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            begins = min(entry.header_offset for entry in archive.infolist())
            seal = archive.read(ENTRY)
    except (zipfile.BadZipFile, KeyError, ValueError, NotImplementedError, OSError, EOFError) as error:
        raise ArtifactError(f"{source} is not a readable model of mnistx's (foreign, damaged or cut off)") from error
    return data[:begins], _opened(seal, [data[:begins]], source)


def beside(files: list[bytes], props: Mapping[str, str]) -> bytes:
    """What goes into the JSON beside a model of several files."""
    return _seal(files, props) + b"\n"


def read_beside(seal: Path, files: list[bytes]) -> dict[str, str]:
    """The inverse of `beside`.

    Raises:
        ArtifactError: there's no such JSON, it's damaged, or the files aren't what was exported.
    """
    if not seal.is_file():
        raise ArtifactError(f"{seal} is missing: the metadata of the model lies in it")
    return _opened(seal.read_bytes(), files, str(seal))


def _sha256(files: list[bytes]) -> list[str]:
    import hashlib

    return [hashlib.sha256(data).hexdigest() for data in files]


def _seal(files: list[bytes], props: Mapping[str, str]) -> bytes:
    return json.dumps({"props": dict(props), "sha256": _sha256(files)}, sort_keys=True, indent=1).encode()


def _opened(seal: bytes, files: list[bytes], source: str) -> dict[str, str]:
    try:
        values: dict[str, Any] = json.loads(seal)
        props, sha256 = dict(values["props"]), values["sha256"]
    except (ValueError, KeyError, TypeError) as error:
        raise ArtifactError(f"{source} is not a readable model of mnistx's (its metadata is damaged)") from error
    if sha256 != _sha256(files):
        raise ArtifactError(f"{source} is not a readable model of mnistx's: its bytes are not those that were exported")
    return props
