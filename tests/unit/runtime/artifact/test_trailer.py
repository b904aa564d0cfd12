import io
import zipfile

import pytest

from mnistx_runtime.artifact.sidecar import ENTRY, dump
from mnistx_runtime.artifact.trailer import append_props, bare, split
from mnistx_runtime.errors import ArtifactError

MODEL = bytes(range(256)) * 20
PROPS = {"a": "1", "b": "ß"}


def test_what_was_appended_comes_back() -> None:
    assert split(append_props(MODEL, PROPS), "m") == (MODEL, PROPS)
    assert append_props(MODEL, PROPS) == append_props(MODEL, PROPS)


@pytest.mark.parametrize("model", [MODEL, b"", append_props(MODEL, PROPS)[:-1], b"PK\5\6" + MODEL])
def test_a_model_without_metadata_is_bare_already(model: bytes) -> None:
    assert bare(model) == model
    assert split(append_props(model, PROPS), "m") == (model, PROPS)


def test_metadata_is_taken_off_whole() -> None:
    assert bare(append_props(MODEL, PROPS)) == MODEL


def test_a_file_that_was_cut_off_anywhere_is_told() -> None:
    data = append_props(MODEL, PROPS)
    for size in range(0, len(data), 50):
        with pytest.raises(ArtifactError, match="is not a readable"):
            split(data[:size], "m")


def test_an_archive_without_the_metadata_s_entry_is_foreign() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("labels.txt", "a")
    with pytest.raises(ArtifactError, match="foreign"):
        split(MODEL + file.getvalue(), "m")


def test_bytes_that_the_metadata_of_schema_1_does_not_stand_for_are_told() -> None:
    file = io.BytesIO(MODEL)
    file.seek(0, io.SEEK_END)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(ENTRY, '{"props": {}, "sha256": ["%s"]}' % ("0" * 64))
    with pytest.raises(ArtifactError, match="not those that were exported"):
        split(file.getvalue(), "m")


def test_metadata_that_unpack_to_more_than_any_has_are_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    data = append_props(MODEL, PROPS | {"long": "x" * 5000})
    size = len(dump(PROPS | {"long": "x" * 5000}))
    monkeypatch.setattr("mnistx_runtime.artifact.sizes.MOST_METADATA", size)
    assert split(data, "m.tflite")[0] == MODEL
    monkeypatch.setattr("mnistx_runtime.artifact.sizes.MOST_METADATA", size - 1)
    with pytest.raises(ArtifactError, match="bytes of metadata, where at most"):
        split(data, "m.tflite")
