"""Metadata as an entry of a zip archive: .torchscript and .pt2.

An archive can hold more than its readers show: two entries of one name, bytes between entries, a directory that names
other places. So it must be, byte for byte, what `write_archive` makes of its entries; then the entries are all of it.
"""

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING

from mnistx_runtime.artifact.sidecar import ENTRY, dump, parse
from mnistx_runtime.errors import ArtifactError

if TYPE_CHECKING:
    from zipfile import ZipFile, ZipInfo

_UNIX = 3

Entries = dict[str, bytes]


def write_archive(entries: Mapping[str, bytes]) -> bytes:
    """An archive of these entries, in their order, uncompressed, without times: the same bytes everywhere.

    >>> read_archive(write_archive({"m/a.py": b"1"}), "m.pt2")
    {'m/a.py': b'1'}
    """
    import zipfile  # loaded where it's used: predicting with ONNX doesn't need it

    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, data in entries.items():
            entry = zipfile.ZipInfo(name)
            entry.create_system = _UNIX
            archive.writestr(entry, data)
    return file.getvalue()


def read_archive(data: bytes, source: str) -> Entries:
    """The inverse of `write_archive`; of two entries of one name, the last.

    Raises:
        ArtifactError: it's no archive, or damaged.
    """
    import zipfile  # loaded where it's used: predicting with ONNX doesn't need it

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            whole = sum(entry.file_size for entry in archive.infolist())
            if whole > 2 * len(data):
                raise ValueError(f"{whole} bytes packed into {len(data)}")
            return {entry.filename: read_entry(archive, entry, entry.file_size) for entry in archive.infolist()}
    except Exception as error:  # zipfile raises whatever a damaged archive makes it stumble over
        raise ArtifactError(f"{source} is not a readable archive of PyTorch's (damaged or cut off)") from error


def read_entry(archive: "ZipFile", entry: "str | ZipInfo", most: int) -> bytes:
    """The first bytes of an entry, whatever it unpacks to: `ZipFile.read` unpacks it all, then cuts it off.

    Args:
        archive: open.
        entry: of it.
        most: bytes to read.
    """
    with archive.open(entry) as file:
        return file.read(most)


def add_props(data: bytes, props: Mapping[str, str], source: str = "the model") -> bytes:
    """The same archive with the metadata in an extra file of PyTorch's, and no other metadata."""
    entries = {name: text for name, text in read_archive(data, source).items() if not _is_props(name)}
    return write_archive(entries | {_props_name(entries): dump(props)})


def read_props(data: bytes, source: str) -> dict[str, str]:
    """The metadata; of an archive of schema 1, the bare properties."""
    found = [text for name, text in read_archive(data, source).items() if _is_props(name)]
    if not found:
        return {}
    return parse(found[0] if found[0].lstrip().startswith(b"{\n") else b'{"props":' + found[0] + b"}", source)


def read_parts(data: bytes, source: str) -> dict[str, bytes]:
    """The archive's entries but the metadata, as parts: "code", "weights" and the "graph" that binds them.

    A file that isn't what `write_archive` makes of its entries, or has metadata elsewhere than at its end, has a part
    more, "layout": all of its bytes.
    """
    entries = read_archive(data, source)
    payload = {name: content for name, content in entries.items() if not _is_props(name)}
    parts: dict[str, bytes] = {}
    for name, content in payload.items():
        part = _part(name)
        parts[part] = parts.get(part, b"") + label_content(name, content)
    in_place = [*entries] in ([*payload], [*payload, _props_name(payload)])
    return parts if in_place and write_archive(entries) == data else parts | {"layout": data}


def label_content(name: str, content: bytes) -> bytes:
    """A file's content after its name, with the lengths of both: of several, one after the other, none can be taken
    for another, whatever is in their names.

    >>> label_content("a.py", b"pass")
    b'4 a.py 4\\npass'
    """
    return f"{len(name)} {name} {len(content)}\n".encode() + content


def _props_name(payload: Mapping[str, bytes]) -> str:
    """The name of the metadata's entry: in the folder that the first entry lies in, as PyTorch takes that for all."""
    return f"{next(iter(payload), 'model/').partition('/')[0]}/extra/{ENTRY}"


def _is_props(name: str) -> bool:
    return name.partition("/")[2] == f"extra/{ENTRY}"


def _part(name: str) -> str:
    """What an entry holds: TorchScript's constants and pt2's data/weights are numbers, code/ and .py are code."""
    if "/constants/" in name or "/weights/" in name or "/data/" in name:
        return "weights"
    return "code" if "/code/" in name or name.endswith(".py") else "graph"
