import json
from dataclasses import replace

import numpy as np
import pytest

from mnistx_runtime.artifact import c_folder
from mnistx_runtime.artifact.c_folder import (
    JSON,
    artifact_names,
    certificate_header,
    library,
    model_name,
    read_parts,
    read_props,
    write_props,
)
from mnistx_runtime.artifact.certificate import Certificate
from mnistx_runtime.artifact.container import seal, sealed_props
from mnistx_runtime.artifact.metadata import DIGEST, Metadata
from mnistx_runtime.artifact.parity import Tolerance
from mnistx_runtime.errors import ArtifactError
from mnistx_runtime.input_spec import InputSpec

PAYLOAD = {".c99/net.h": b"int net;\n", ".c99/net.c": b'#include "net.h"\n', ".c99/README.md": b"# net\n"}
METADATA = Metadata(
    names=('a "b"', "é"),
    input=InputSpec(channels=1, height=8, width=8, mean=(0.5,), std=(0.5,)),
    description="x",
    toolkit_version="0.1.0",
)
ANSWERS = np.array([[-0.5, -1.0], [-250.0, -0.25]], np.float32)
CERTIFICATE = Certificate(np.arange(128, dtype=np.uint8).reshape(2, 1, 8, 8), ANSWERS)


def test_the_header_says_what_the_metadata_say() -> None:
    text = certificate_header("net", sealed_props(METADATA, CERTIFICATE)).decode()
    assert r'"a \"b\""' in text
    assert r'"\303\251"' in text
    assert "#ifndef NET_NO_SELFTEST" in text
    assert "golden_images[2][64]" in text
    assert "-250.0f, -0x1p-2f" in text


def test_far_answers_are_held_in_proportion_and_reduced_ones_to_their_own() -> None:
    text = certificate_header("net", sealed_props(METADATA, CERTIFICATE)).decode()
    tolerances = text.partition("golden_tolerances[2] = {")[2].partition("}")[0].replace("f", "").split(",")
    assert np.allclose([float.fromhex(each.strip()) for each in tolerances], [1e-4, 2.5e-4])
    reduced = replace(CERTIFICATE, own=ANSWERS + 1, tolerance=Tolerance(2.0, 1e-3, 0.5))
    text = certificate_header("net", sealed_props(METADATA, reduced)).decode()
    assert "golden_tolerances[2] = {\n    0x1p-1f, 0x1p-1f\n}" in text
    assert "-249.0f, 0x1.8p-1f" in text


def test_long_texts_are_numbers() -> None:
    long = replace(METADATA, names=tuple(f"class {at:04d}" for at in range(900)))
    answers = Certificate(CERTIFICATE.images, np.zeros((2, 900), np.float32))
    text = certificate_header("net", sealed_props(long, answers)).decode()
    assert "net_metadata[] =\n{\n    123, 34" in text
    assert max(map(len, text.splitlines())) < 130


def test_payload_is_code_alone() -> None:
    files = seal(".c99", PAYLOAD, METADATA, CERTIFICATE)
    assert read_parts(files, "net") == read_parts(PAYLOAD, "net")
    assert read_parts(files | {".c99/README.md": b"other"}, "net") == read_parts(PAYLOAD, "net")
    assert read_parts(files | {".c99/net.h": b"int other;\n"}, "net") != read_parts(PAYLOAD, "net")


@pytest.mark.parametrize("ending", [".c99/net_certificate.h", JSON])
def test_header_and_metadata_have_to_agree(ending: str) -> None:
    files = seal(".c99", PAYLOAD, METADATA, CERTIFICATE)
    assert DIGEST in read_props(files, "net")
    changed = files | {ending: files[ending].replace(b"0.1.0", b"0.1.1")}
    assert changed != files
    assert DIGEST not in read_props(changed, "net")
    assert DIGEST not in read_props({key: data for key, data in files.items() if not key.endswith("ate.h")}, "net")


def test_sealing_again_replaces_both() -> None:
    files = seal(".c99", PAYLOAD, METADATA, CERTIFICATE)
    again = write_props(files, sealed_props(replace(METADATA, description="y"), CERTIFICATE))
    assert again.keys() == files.keys()
    assert b'\\"description\\": \\"y\\"' in again[".c99/net_certificate.h"]


@pytest.mark.parametrize("more", [{".c99/b.c": b""}, {}])
def test_there_is_one_source(more: dict[str, bytes]) -> None:
    files = ({".c99/a.c": b""} | more) if more else {".c99/a.h": b"", ".c99/sub/a.c": b""}
    with pytest.raises(ArtifactError, match=r"holds one \.c file at its top"):
        model_name(files)


def test_the_reader_of_pictures_belongs_to_the_payload() -> None:
    pair = {".c99/net_read.h": b"int read;\n", ".c99/net_read.c": b'#include "net_read.h"\n'}
    files = seal(".c99", PAYLOAD | pair, METADATA, CERTIFICATE)
    assert model_name(files) == "net"
    assert DIGEST in read_props(files, "net")
    changed = files | {".c99/net_read.c": b"int other;\n"}
    parts = [read_parts(each, "net") for each in (files, changed, seal(".c99", PAYLOAD, METADATA, CERTIFICATE))]
    assert parts[0] != parts[1] and parts[0] != parts[2]


def test_a_library_is_a_part_of_its_own_of_which_the_header_says_nothing() -> None:
    built = {".c99/lib/aarch64-linux-gnu/net.so": b"code"}
    plain, files = (seal(".c99", each, METADATA, CERTIFICATE) for each in (PAYLOAD, PAYLOAD | built))
    assert files[".c99/net_certificate.h"] == plain[".c99/net_certificate.h"]
    assert DIGEST in read_props(files, "net")
    parts = json.loads(read_props(files, "net")["payload_parts"])
    assert parts.keys() == {"model", "lib/aarch64-linux-gnu/net.so"}
    assert files[JSON] != seal(".c99", PAYLOAD | dict.fromkeys(built, b"other"), METADATA, CERTIFICATE)[JSON]


def test_the_library_for_this_machine_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    built = {f".c99/lib/{triple}/net.so": triple.encode() for triple in ("aarch64-linux-gnu", "aarch64-linux-musl")}
    for triple in ("aarch64-linux-musl", "riscv64-linux-gnu", ""):
        monkeypatch.setattr(c_folder, "own_triple", lambda triple=triple: triple)
        assert library(
            PAYLOAD | built,
        ) == built.get(f".c99/lib/{triple}/net.so")


def test_what_belongs_to_a_model_is_told_by_its_name() -> None:
    assert artifact_names(["README.md", "build", "library.json", "metadata.json", "n.c", "n.h", "n.o"]) == [
        "metadata.json",
        "n.c",
        "n.h",
    ]
