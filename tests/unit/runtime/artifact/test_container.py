import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mnistx_runtime.artifact.archive import write_archive
from mnistx_runtime.artifact.certificate import Certificate
from mnistx_runtime.artifact.container import (
    CONTAINERS,
    FOLDERS,
    Artifact,
    Files,
    files_of,
    open_artifact,
    seal,
    sealed_props,
)
from mnistx_runtime.artifact.digests import payload_sha256
from mnistx_runtime.artifact.metadata import DIGEST, Metadata, props_sha256
from mnistx_runtime.artifact.onnx_file import write_props
from mnistx_runtime.artifact.triton_folder import folder_files
from mnistx_runtime.artifact.verification import verify_payload
from mnistx_runtime.artifact.web_page import METADATA as METADATA_BLOCK
from mnistx_runtime.artifact.web_page import MODEL, block
from mnistx_runtime.errors import ArtifactError
from mnistx_runtime.input_spec import InputSpec

METADATA = Metadata(
    names=("a", "b"),
    input=InputSpec(channels=1, height=8, width=8, mean=(0.5,), std=(0.5,)),
    description="x",
    toolkit_version="0.1.0",
)
CERTIFICATE = Certificate(np.zeros((2, 1, 8, 8), np.uint8), np.log(np.full((2, 2), 0.5, np.float32)))

ARCHIVE = write_archive({"m/data.pkl": b"graph", "m/code/a.py": b"pass", "m/constants/0": b"numbers"})
PAYLOADS: dict[str, Files] = {
    ".onnx": {".onnx": write_props(b"\x3a\x02\x0a\x00", {})},
    ".ort": {".ort": b"\x08\0\0\0ORTM" * 50},
    ".torchscript": {".torchscript": ARCHIVE},
    ".pt2": {".pt2": ARCHIVE},
    ".xml": {".xml": b"<net/>", ".bin": b"numbers"},
    ".tflite": {".tflite": b"\x08\0\0\0TFL3" * 50},
    ".pte": {".pte": b"\x08\0\0\0ET12" * 50},
    ".param": {".ncnn.param": b"7767517", ".ncnn.bin": b"numbers"},
    ".mlpackage": {
        ".mlpackage/Data/model.mlmodel": b"graph",
        ".mlpackage/Data/weights/weight.bin": b"numbers",
        ".mlpackage/Manifest.json": b"{}",
    },
    ".html": {".html": f"<p>{block(MODEL, 'numbers')}{block(METADATA_BLOCK, '')}".encode()},
    ".triton": folder_files("m", write_props(b"\x3a\x02\x0a\x00", {})),
    ".c99": {".c99/m.h": b"#define M_WORKSPACE_BYTES 16\n", ".c99/m.c": b"int m;\n"},
}


def write(files: Files, suffix: str, folder: Path) -> Path:
    """The files on the disk, and the path of the one that is loaded."""
    for ending, data in files.items():
        path = folder / f"m{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    name = next(ending for ending in files if ending.endswith(suffix) or suffix in FOLDERS)
    return folder / (f"m{suffix}" if suffix in FOLDERS else f"m{name}")


def sealed(suffix: str, folder: Path) -> Path:
    return write(seal(suffix, PAYLOADS[suffix], METADATA, CERTIFICATE), suffix, folder)


def test_every_kind_of_file_is_tried_here() -> None:
    assert PAYLOADS.keys() == CONTAINERS.keys()


@pytest.mark.parametrize("suffix", CONTAINERS)
def test_what_was_sealed_is_read_from_the_disk_as_it_was_given(suffix: str, tmp_path: Path) -> None:
    opened = open_artifact(sealed(suffix, tmp_path))
    expected = replace(METADATA, payload_sha256=payload_sha256(opened.part_digests), payload_parts=opened.part_digests)
    assert opened.metadata == expected and opened.is_as_exported
    assert (opened.certificate.log_probs == CERTIFICATE.log_probs).all()
    assert opened.require_as_exported() is opened
    assert opened.props[DIGEST] == props_sha256(opened.props)
    assert opened.props == sealed_props(expected, CERTIFICATE)
    assert list(opened.props) == sorted(opened.props)


@pytest.mark.parametrize("suffix", CONTAINERS)
def test_sealing_again_changes_the_metadata_and_no_byte_of_the_payload(suffix: str, tmp_path: Path) -> None:
    files = seal(suffix, PAYLOADS[suffix], METADATA, CERTIFICATE)
    other = replace(METADATA, description="another")
    again = seal(suffix, files, other, CERTIFICATE)
    assert again == seal(suffix, PAYLOADS[suffix], other, CERTIFICATE) != files
    assert seal(suffix, again, METADATA, CERTIFICATE) == files


@pytest.mark.parametrize("suffix", CONTAINERS)
def test_every_byte_of_the_payload_is_seen(suffix: str, tmp_path: Path) -> None:
    files = seal(suffix, PAYLOADS[suffix], METADATA, CERTIFICATE)
    path = write(files, suffix, tmp_path)
    for ending, payload in PAYLOADS[suffix].items():
        if payload == b"\n":  # it follows from the metadata, and is seen as they are
            continue
        marked = payload.index(b"numbers") if b"numbers" in payload else len(payload) - 1
        for at in {0, marked}:
            data = bytearray(files[ending])
            data[at] ^= 1
            (tmp_path / f"m{ending}").write_bytes(data)
            try:
                found = verify_payload(open_artifact(path))
            except ArtifactError as error:
                assert "not a readable" in str(error) or "no mnistx metadata" in str(error)
            else:
                assert not found.passed and not open_artifact(path).is_as_exported
                with pytest.raises(ArtifactError, match="is not what was exported"):
                    open_artifact(path).require_as_exported()
        (tmp_path / f"m{ending}").write_bytes(files[ending])
    assert open_artifact(path).is_as_exported


PACKAGE = PAYLOADS[".mlpackage"]


@pytest.mark.parametrize(
    ("payload", "part"),
    [
        (PACKAGE | {".mlpackage/Data/weights/weight.bin": b"other"}, "weights"),
        (PACKAGE | {".mlpackage/Data/weights/weight.bin": b"o", ".mlpackage/z/weight.bin": b"numbers"}, "weights"),
        (PACKAGE | {".mlpackage/Data/model.mlmodel": b"other"}, "graph"),
        (PACKAGE | {".mlpackage/Data/model.mlmodel": b"o", ".mlpackage/z/model.mlmodel": b"graph"}, "graph"),
        (PACKAGE | {".mlpackage/more": b"x"}, "graph"),
    ],
)
def test_every_file_of_a_package_counts_whatever_it_is_called(payload: Files, part: str, tmp_path: Path) -> None:
    sealed(".mlpackage", tmp_path)
    found = verify_payload(open_artifact(write(payload, ".mlpackage", tmp_path)))
    assert part in found.differences and not found.passed


def test_an_artifact_reads_its_metadata_once_and_its_certificate_only_when_asked(tmp_path: Path) -> None:
    path = sealed(".onnx", tmp_path)
    files = open_artifact(path).files
    damaged = Artifact(path, {".onnx": write_props(files[".onnx"], open_artifact(path).props | {"certificate": "{}"})})
    assert damaged.metadata is damaged.metadata and damaged.metadata.names == ("a", "b")
    with pytest.raises(ArtifactError, match="damaged certificate"):
        _ = damaged.certificate


@pytest.mark.parametrize(
    ("suffix", "ending", "companion"),
    [
        (".xml", ".bin", "m.bin"),
        (".xml", ".json", "m.json"),
        (".param", ".ncnn.bin", r"m\.ncnn\.bin"),
        (".param", ".ncnn.json", r"m\.ncnn\.json"),
        (".mlpackage", ".mlpackage.json", r"m\.mlpackage\.json"),
    ],
)
def test_a_missing_or_empty_companion_is_told(suffix: str, ending: str, companion: str, tmp_path: Path) -> None:
    path = sealed(suffix, tmp_path)
    assert tmp_path / f"m{ending}" in files_of(path)
    (tmp_path / f"m{ending}").write_bytes(b"")
    with pytest.raises(ArtifactError, match=f"{companion} is empty"):
        files_of(path)
    (tmp_path / f"m{ending}").unlink()
    with pytest.raises(ArtifactError, match=f"{companion} is missing beside it"):
        open_artifact(path)


@pytest.mark.parametrize("suffix", CONTAINERS)
def test_no_file_a_folder_and_an_empty_file_are_told(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"m{suffix}"
    with pytest.raises(ArtifactError, match="no such model file"):
        open_artifact(path)
    path.mkdir()
    with pytest.raises(ArtifactError, match="is empty" if suffix in FOLDERS else "is a folder; name the model file"):
        open_artifact(path)
    path.rmdir()
    path.touch()
    with pytest.raises(ArtifactError, match=r"is empty|is missing beside it"):
        open_artifact(path)


@pytest.mark.parametrize("name", ["m.h5", "m", "m.safetensors", "m.onnx.bak"])
def test_an_ending_that_no_artifact_has_is_told(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(ArtifactError, match="no artifact ends in"):
        open_artifact(tmp_path / name)


@pytest.mark.parametrize("suffix", CONTAINERS)
def test_files_without_metadata_are_told(suffix: str, tmp_path: Path) -> None:
    path = write(PAYLOADS[suffix], suffix, tmp_path)
    with pytest.raises(ArtifactError, match=r"no mnistx metadata|not a readable model of mnistx's|missing beside it"):
        _ = open_artifact(path).metadata


def test_metadata_that_names_no_payload_of_this_schema_is_taken_as_unknown(tmp_path: Path) -> None:
    props = METADATA.to_props() | {"certificate": json.dumps(CERTIFICATE.to_dict())}
    path = tmp_path / "m.onnx"
    path.write_bytes(write_props(PAYLOADS[".onnx"][".onnx"], props))
    assert open_artifact(path).is_as_exported
    assert not verify_payload(open_artifact(path)).passed  # no digest of the metadata either


@pytest.mark.parametrize("suffix", PAYLOADS)
def test_a_copy_is_of_what_was_read_alone_in_its_folder_and_goes_away(suffix: str, tmp_path: Path) -> None:
    path = sealed(suffix, tmp_path)
    opened = open_artifact(path)
    read = {file.relative_to(tmp_path): file.read_bytes() for file in files_of(path)}
    for file in files_of(path):
        file.write_bytes(b"another")
    with opened.stage() as staged:
        folder = staged.parent
        found = {file.relative_to(folder): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
        assert staged.name == path.name and found == read
    assert not folder.parent.exists()
