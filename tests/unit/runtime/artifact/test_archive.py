import io
import zipfile
from collections.abc import Iterable

import pytest

from mnistx_runtime.artifact.archive import (
    add_props,
    label_content,
    read_archive,
    read_parts,
    read_props,
    write_archive,
)
from mnistx_runtime.artifact.sidecar import ENTRY
from mnistx_runtime.errors import ArtifactError

ENTRIES = {"m/data.pkl": b"pickle", "m/code/a.py": b"pass", "m/constants/0": b"numbers", "m/version": b"3"}
PROPS = {"a": "1", "b": "ß"}
SEALED = add_props(write_archive(ENTRIES), PROPS)


def zipped(entries: Iterable[tuple[str, bytes]], method: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in entries:
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return file.getvalue()


def test_entries_come_back_in_their_order_and_the_bytes_are_the_same_everywhere() -> None:
    found = read_archive(write_archive(ENTRIES), "m")
    assert list(found.items()) == list(ENTRIES.items())
    assert write_archive(found) == write_archive(ENTRIES)
    with zipfile.ZipFile(io.BytesIO(write_archive(ENTRIES))) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}


def test_metadata_is_an_extra_file_of_pytorchs_in_place_of_any_that_was_there() -> None:
    assert read_props(SEALED, "m") == PROPS
    assert read_props(write_archive(ENTRIES), "m") == {}
    again = add_props(SEALED, {"c": "2"})
    assert read_props(again, "m") == {"c": "2"}
    assert [*read_archive(again, "m")] == [*ENTRIES, f"m/extra/{ENTRY}"]
    assert add_props(again, PROPS) == SEALED


def test_the_bare_properties_of_schema_1_are_read() -> None:
    data = write_archive(ENTRIES | {f"m/extra/{ENTRY}": b'{"a": "1", "b": "\\u00df"}'})
    assert read_props(data, "m") == PROPS


def test_parts_are_what_they_hold_and_the_metadata_is_none_of_them() -> None:
    parts = read_parts(SEALED, "m")
    assert parts == read_parts(write_archive(ENTRIES), "m") == read_parts(add_props(SEALED, {"c": "2"}), "m")
    assert parts == {
        "graph": b"10 m/data.pkl 6\npickle9 m/version 1\n3",
        "code": b"11 m/code/a.py 4\npass",
        "weights": b"13 m/constants/0 7\nnumbers",
    }
    assert list(read_parts(write_archive({"m/data/weights/w": b"1", "m/models/a.json": b"2"}), "m")) == [
        "weights",
        "graph",
    ]


def test_no_name_makes_two_contents_one() -> None:
    two = label_content("m/a", b"xyz") + label_content("m/b", b"")
    one = label_content("m/a 3\nxyz3 m/b", b"")
    assert two != one
    entries = {"m/a": b"xyz", "m/b": b"w"}
    other = {"m/a 3\nxyzm/b": b"w"}
    assert read_parts(write_archive(entries), "m") != read_parts(write_archive(other), "m")


@pytest.mark.parametrize(
    "data",
    [
        zipped(ENTRIES.items(), zipfile.ZIP_DEFLATED),
        b"before" + write_archive(ENTRIES),
        write_archive(ENTRIES) + b"after",
        zipped([*ENTRIES.items(), ("m/a/../code/a.py", b"")]).replace(b"\x00\x00\x21\x00", b"\x00\x00\x22\x00"),
    ],
    ids=["deflated", "bytes before", "bytes after", "a time"],
)
def test_what_write_archive_would_not_write_has_its_layout_as_a_part(data: bytes) -> None:
    assert read_parts(data, "m")["layout"] == data


@pytest.mark.parametrize("data", [b"", b"no archive", SEALED[:-1], SEALED[: len(SEALED) // 2]])
def test_what_is_no_archive_is_told(data: bytes) -> None:
    with pytest.raises(ArtifactError, match="m is not a readable archive"):
        read_archive(data, "m")


def test_an_archive_that_unpacks_to_far_more_than_its_size_is_not_unpacked() -> None:
    bomb = zipped([("m/a", bytes(10 << 20))], zipfile.ZIP_DEFLATED)
    assert len(bomb) < 100_000
    with pytest.raises(ArtifactError):
        read_archive(bomb, "m")


def test_metadata_nested_deeper_than_any_reader_goes_is_told() -> None:
    for text in (b"[" * 100_000, b"{\n" + b"[" * 100_000, b"7", b'"\\ud800"', b'{"a": 1}', b'{"a": "\\ud800"}'):
        with pytest.raises(ArtifactError, match="damaged"):
            read_props(write_archive(ENTRIES | {f"m/extra/{ENTRY}": text}), "m")
