"""A model as a folder of C: its metadata lie in a JSON, and in a header that the code includes.

Shared libraries that were built of the code, if any, are parts of the payload, too. As they hold the header, it says
nothing of them.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mnistx_runtime.artifact import archive, sidecar
from mnistx_runtime.artifact.c_library import FOLDER, library_path, own_triple
from mnistx_runtime.artifact.c_reader import without_reader
from mnistx_runtime.artifact.digests import payload_sha256
from mnistx_runtime.artifact.metadata import DIGEST, Metadata
from mnistx_runtime.artifact.sizes import require_metadata_size
from mnistx_runtime.errors import ArtifactError

if TYPE_CHECKING:
    from mnistx_runtime.artifact.certificate import Certificate

SUFFIX = ".c99"
JSON = f"{SUFFIX}/metadata.json"
_CERTIFICATE = "_certificate.h"
_LITERAL = 4000  # bytes; C99 promises 4,095 of a string


def model_name(files: Mapping[str, bytes]) -> str:
    """The prefix of all that the code declares, which its files are named by.

    Raises:
        ArtifactError: there isn't one C file, beside the one that reads pictures.
    """
    found = [ending for ending in files if ending.startswith(f"{SUFFIX}/") and ending.endswith(".c")]
    sources = [ending.partition("/")[2].removesuffix(".c") for ending in found if ending.count("/") == 1]
    models = without_reader(sources)
    if len(models) != 1:
        raise ArtifactError(f"a folder that ends in {SUFFIX} holds one .c file at its top, not {len(models)}")
    return models[0]


def artifact_names(names: list[str]) -> list[str]:
    """Of the files at the top of a folder, those that are the model: code, headers, metadata.

    >>> artifact_names(["README.md", "digits.c", "digits.h", "library.json", "metadata.json"])
    ['digits.c', 'digits.h', 'metadata.json']
    """
    return [name for name in names if name.endswith((".c", ".h")) or name == JSON.partition("/")[2]]


def folder_files(folder: Path) -> list[Path]:
    """The files of a folder that are the model: code, headers, metadata, and libraries, none of which need be there."""
    top = [folder / name for name in artifact_names(sorted(each.name for each in folder.iterdir()))]
    return [*top, *sorted(folder.glob(f"{FOLDER}/*/*.so"))]


def read_props(files: Mapping[str, bytes], source: str) -> dict[str, str]:
    """The metadata, without their digest where the header in the code says something else."""
    if JSON not in files:
        raise ArtifactError(f"{source} is not a readable model of mnistx's: there's no {JSON.partition('/')[2]} in it")
    require_metadata_size(len(files[JSON]), source)
    props = sidecar.parse(files[JSON], source)
    name = model_name(files)
    header = files.get(f"{SUFFIX}/{name}{_CERTIFICATE}")
    try:
        agrees = header == certificate_header(name, props)
    except ArtifactError:
        agrees = False
    return props if agrees else {key: text for key, text in props.items() if key != DIGEST}


def read_parts(files: Mapping[str, bytes], source: str) -> dict[str, bytes]:  # noqa: ARG001
    """The payload: all of the code but the header with the certificate; and each library."""
    name = model_name(files)
    apart = (JSON, f"{SUFFIX}/{name}{_CERTIFICATE}")
    code = sorted(pair for pair in files.items() if pair[0].endswith((".c", ".h")) and pair[0] not in apart)
    top = [(ending, data) for ending, data in code if ending.count("/") == 1]
    model = b"".join(archive.label_content(ending, data) for ending, data in top)
    return {"model": model} | {
        ending.partition("/")[2]: data for ending, data in files.items() if ending.startswith(f"{SUFFIX}/{FOLDER}/")
    }


def write_props(files: Mapping[str, bytes], props: Mapping[str, str]) -> dict[str, bytes]:
    """The files with this metadata, both ways."""
    name = model_name(files)
    header = certificate_header(name, props) if props else b""
    return {**files, f"{SUFFIX}/{name}{_CERTIFICATE}": header, JSON: sidecar.dump(props)}


def sources(files: Mapping[str, bytes], props: Mapping[str, str]) -> dict[str, bytes]:
    """What is compiled, by name: the payload, and the header as the metadata say it, whatever lies there."""
    name = model_name(files)
    code = {ending: data for ending, data in files.items() if ending.endswith((".c", ".h")) and ending.count("/") == 1}
    code[f"{SUFFIX}/{name}{_CERTIFICATE}"] = certificate_header(name, props)
    return {ending.partition("/")[2]: data for ending, data in code.items()}


def library(files: Mapping[str, bytes]) -> bytes | None:
    """The library that was built for a machine such as this one; None where there's none.

    Raises:
        ArtifactError: see `model_name`.
    """
    triple = own_triple()
    return files.get(f"{SUFFIX}/{library_path(triple, model_name(files))}") if triple else None


def payload_names(names: Iterable[str], model: str) -> list[str]:
    """Of the names of sources, those of the payload.

    >>> payload_names(["net.c", "net.h", "net_certificate.h"], "net")
    ['net.c', 'net.h']
    """
    return [name for name in names if name != f"{model}{_CERTIFICATE}"]


def certificate_header(name: str, props: Mapping[str, str]) -> bytes:
    """The header that holds names, digest, golden images and answers.

    Args:
        name: see `model_name`.
        props: with a certificate.

    Raises:
        ArtifactError: they are damaged.
    """
    from mnistx_runtime.artifact.c_text import array_body, string
    from mnistx_runtime.artifact.certificate import Certificate

    metadata = _of_code(Metadata.from_props(props, name))
    certificate = Certificate.from_props(props, metadata.input.shape, len(metadata.names), name)
    upper = name.upper()
    text = json.dumps(metadata.to_dict(), sort_keys=True)
    count, classes = certificate.log_probs.shape
    expected = certificate.log_probs if certificate.own is None else certificate.own
    images = certificate.images.reshape(count, -1)
    names = ",\n".join(f"    {string(each)}" for each in metadata.names)
    lines = [
        f"/* What {name} is, and what the trained model answered: sealed by mnistx {metadata.toolkit_version}. */",
        f"const char *const {name}_class_names[{classes}] = {{\n{names}\n}};",
        f"const char {name}_metadata[] =\n{_text(text)};",
        f"const char {name}_payload_sha256[] = {string(metadata.payload_sha256)};",
        f"#ifndef {upper}_NO_SELFTEST",
        f"#define GOLDEN_COUNT {count}",
        f"static const uint8_t golden_images[{count}][{images.shape[1]}] = {{\n{_rows(images)}\n}};",
        f"static const float golden_log_probs[{count}][{classes}] = {{\n{_rows(expected)}\n}};",
        f"static const float golden_tolerances[{count}] = {{\n{array_body(_tolerances(certificate))}\n}};",
        "#endif",
    ]
    return ("\n\n".join(lines) + "\n").encode()


def _of_code(metadata: Metadata) -> Metadata:
    """The metadata as they are without libraries."""
    parts = {part: digest for part, digest in metadata.payload_parts.items() if not part.startswith(f"{FOLDER}/")}
    if len(parts) == len(metadata.payload_parts):
        return metadata
    return replace(metadata, payload_parts=parts, payload_sha256=payload_sha256(parts))


def _tolerances(certificate: "Certificate") -> NDArray[np.float32]:
    """Of each golden image, how far an answer may be, as `parity` judges it."""
    from mnistx_runtime.artifact.parity import LARGE

    if certificate.own is not None:
        return np.full(len(certificate.images), certificate.tolerance.own_atol or 0.0, np.float32)
    scale = np.maximum(1.0, np.abs(certificate.log_probs).max(1) / LARGE)
    return np.asarray(certificate.tolerance.atol * scale, np.float32)


def _rows(values: NDArray[np.generic]) -> str:
    from mnistx_runtime.artifact.c_text import array_body

    return ",\n".join(f"    {{\n{array_body(row)}\n    }}" for row in values)


def _text(text: str) -> str:
    """As a literal, or as numbers where it is longer than C promises."""
    from mnistx_runtime.artifact.c_text import array_body, string

    if len(text) <= _LITERAL:
        return "\n".join(f"    {string(text[at : at + 100])}" for at in range(0, len(text), 100))
    return "{\n" + array_body(np.frombuffer(text.encode() + b"\0", np.uint8)) + "\n}"
