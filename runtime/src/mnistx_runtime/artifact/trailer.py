"""Metadata at the end of the file, in a zip archive after the model, as TensorFlow Lite keeps associated files.

For models whose readers ignore what follows them: .tflite, .pte, .ort.
"""

import io
from collections.abc import Mapping

from mnistx_runtime.artifact.archive import read_entry
from mnistx_runtime.artifact.sidecar import ENTRY, dump, parse
from mnistx_runtime.artifact.sizes import require_metadata_size
from mnistx_runtime.errors import ArtifactError


def append_props(model: bytes, props: Mapping[str, str]) -> bytes:
    """A model with its metadata after it.

    >>> split(append_props(b"model", {"a": "1"}), "m.tflite")
    (b'model', {'a': '1'})
    """
    import zipfile  # loaded where it's used: predicting with ONNX doesn't need it

    file = io.BytesIO(model)
    file.seek(0, io.SEEK_END)
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(ENTRY), dump(props), zipfile.ZIP_DEFLATED, 9)
    return file.getvalue()


def split(data: bytes, source: str) -> tuple[bytes, dict[str, str]]:
    """The inverse of `append_props`: the model, and its properties.

    Raises:
        ArtifactError: the file carries no metadata, or is damaged.
    """
    import zipfile  # loaded where it's used: predicting with ONNX doesn't need it

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            begins = min(entry.header_offset for entry in archive.infolist())
            size = archive.getinfo(ENTRY).file_size
            require_metadata_size(size, source)
            seal = read_entry(archive, ENTRY, size)
    except ArtifactError:
        raise
    except Exception as error:  # zipfile raises whatever a damaged archive makes it stumble over
        raise ArtifactError(f"{source} is not a readable model of mnistx's (foreign, damaged or cut off)") from error
    return data[:begins], parse(seal, source, [data[:begins]])


def bare(data: bytes) -> bytes:
    """The model without the metadata after it, whether there is any or not."""
    try:
        return split(data, "the model")[0]
    except ArtifactError:
        return data
