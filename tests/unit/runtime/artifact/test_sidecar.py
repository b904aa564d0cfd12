import json

import pytest

from mnistx_runtime.artifact.digests import sha256
from mnistx_runtime.artifact.sidecar import dump, parse
from mnistx_runtime.errors import ArtifactError

MODEL = bytes(range(256)) * 20
PROPS = {"a": "1", "b": "ß"}


def of_schema_1(*models: bytes) -> bytes:
    return json.dumps({"props": PROPS, "sha256": [sha256(model) for model in models]}).encode()


def test_what_was_written_comes_back_in_the_same_bytes_whatever_the_order() -> None:
    assert parse(dump(PROPS), "m.json") == PROPS
    assert dump(PROPS) == dump(dict(reversed(PROPS.items())))


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"[]",
        b"{}",
        b"{",
        b"7",
        b'{"props": 7}',
        b'{"props": {"a": 1}}',
        b'{"props": ["ab", "c"]}',
        b"\xff",
        b"null",
    ],
)
def test_what_is_no_metadata_is_told(damaged: bytes) -> None:
    with pytest.raises(ArtifactError, match=r"m\.json is not a readable .*metadata is damaged"):
        parse(damaged, "m.json")


def test_the_json_of_schema_1_holds_for_its_files_only() -> None:
    assert parse(of_schema_1(MODEL, b"weights"), "m", [MODEL, b"weights"]) == PROPS
    for models in ([MODEL], [MODEL, b"weightz"], [b"weights", MODEL]):
        with pytest.raises(ArtifactError, match="not those that were exported"):
            parse(of_schema_1(MODEL, b"weights"), "m", models)


def test_json_nested_deeper_than_any_reader_goes_is_told() -> None:
    with pytest.raises(ArtifactError, match="damaged"):
        parse(b'{"props":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "m.json")


def test_half_a_character_is_told() -> None:
    with pytest.raises(ArtifactError, match="damaged"):
        parse(b'{"props": {"description": "\\ud800"}}', "m.json")
