from pathlib import Path

import pytest

from mnistx_runtime.artifact.seal import appended, beside, read_beside, split
from mnistx_runtime.errors import ArtifactError
from mnistx_runtime.quiet import quiet

MODEL = bytes(range(256)) * 20
PROPS = {"a": "1", "b": "ß"}


def test_what_was_appended_comes_back() -> None:
    assert split(appended(MODEL, PROPS), "m") == (MODEL, PROPS)
    assert appended(MODEL, PROPS) == appended(MODEL, PROPS)


@pytest.mark.parametrize("at", [0, 100, len(MODEL) - 1])
def test_a_changed_byte_is_told_before_any_runtime_sees_it(at: int) -> None:
    data = bytearray(appended(MODEL, PROPS))
    data[at] ^= 1
    with pytest.raises(ArtifactError, match="not those that were exported"):
        split(bytes(data), "m")


def test_a_file_that_was_cut_off_anywhere_is_told() -> None:
    data = appended(MODEL, PROPS)
    for size in range(0, len(data), 50):
        with pytest.raises(ArtifactError, match="is not a readable"):
            split(data[:size], "m")


def test_the_json_beside_holds_for_its_files_only(tmp_path: Path) -> None:
    seal = tmp_path / "m.json"
    with pytest.raises(ArtifactError, match="is missing"):
        read_beside(seal, [MODEL])
    seal.write_bytes(beside([MODEL, b"weights"], PROPS))
    assert read_beside(seal, [MODEL, b"weights"]) == PROPS
    for files in ([MODEL], [MODEL, b"weightz"]):
        with pytest.raises(ArtifactError, match="not those that were exported"):
            read_beside(seal, files)
    for damaged in (b"", b"[]", b"{}", b"{"):
        seal.write_bytes(damaged)
        with pytest.raises(ArtifactError, match="metadata is damaged"):
            read_beside(seal, [MODEL])


def test_quiet_drops_what_is_written_below_python_too(capfd: pytest.CaptureFixture[str]) -> None:
    import os

    with quiet():
        os.write(1, b"one")
        os.write(2, b"two")
        print("three")
    print("four")
    found = capfd.readouterr()
    assert (found.out, found.err) == ("four\n", "")
