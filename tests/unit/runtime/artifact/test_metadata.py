import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mnistx_runtime.artifact.metadata import SCHEMA, Metadata, check_names, props_sha256
from mnistx_runtime.errors import ArtifactError, BadInput
from mnistx_runtime.input_spec import InputSpec
from seal_bundled import props_of_schema_1

METADATA = Metadata(
    names=("a", "ß", "7"),
    input=InputSpec(channels=3, height=40, width=48, mean=(0.4, 0.5, 0.6), std=(0.2, 0.2, 0.2), preprocess="resize"),
    dataset="d",
    weights_sha256="0" * 64,
    payload_sha256="1" * 64,
    payload_parts={"graph": "2" * 64},
    test_accuracy=0.99,
    description="x",
    toolkit_version="0.1.0",
)


def test_metadata_survives_the_way_through_string_properties() -> None:
    again = Metadata.from_props(METADATA.to_props())
    assert again.to_dict() == METADATA.to_dict()
    assert again.names == ("a", "ß", "7") and again.input.shape == (3, 40, 48)
    assert again.schema_version == SCHEMA == 2


def test_properties_of_other_tools_are_ignored() -> None:
    assert Metadata.from_props({**METADATA.to_props(), "author": "someone"}).names == METADATA.names


def test_each_property_is_json() -> None:
    props = METADATA.to_props()
    assert json.loads(props["input"])["mean"] == [0.4, 0.5, 0.6]
    assert all(isinstance(value, str) and json.loads(value) is not ... for value in props.values())


@pytest.mark.parametrize("name", ["names", "input", "description", "toolkit_version"])
def test_a_missing_property_is_damage(name: str) -> None:
    props = METADATA.to_props()
    del props[name]
    with pytest.raises(ArtifactError, match="damaged"):
        Metadata.from_props(props, "m.onnx")


@pytest.mark.parametrize("name", ["names", "mean", "weights_sha256", "imgsz"])
def test_of_schema_1_a_missing_property_is_damage_or_unknown(name: str) -> None:
    props = props_of_schema_1()
    del props[name]
    if name == "weights_sha256":
        assert Metadata.from_props(props).weights_sha256 == ""
        assert props_sha256(props) != props["metadata_sha256"]
        return
    with pytest.raises(ArtifactError, match="damaged"):
        Metadata.from_props(props, "m.onnx")


DEEP = "[" * 100_000 + "]" * 100_000


@pytest.mark.parametrize("name", [name for name in METADATA.to_props() if name != "schema_version"])
@pytest.mark.parametrize(
    "value", ["not json", "", "null", "[]", "{}", "-1", '"x"', "[[1]]", "true", "Infinity", "NaN", "1e400", DEEP]
)
def test_a_damaged_property_is_told_or_means_something(name: str, value: str) -> None:
    props = {**METADATA.to_props(), name: value}
    try:
        found = Metadata.from_props(props, "m.onnx")
    except ArtifactError as error:
        assert str(error).startswith("m.onnx carries damaged mnistx metadata")
    else:
        json.dumps(found.to_dict(), allow_nan=False)
        assert type(getattr(found, name)) in (type(getattr(METADATA, name)), int, type(None))


@pytest.mark.parametrize("value", ["true", '"2"', "null", "0", "-1", "1.5", "[2]", "{}", "NaN", "Infinity", DEEP])
def test_a_schema_that_is_no_number_is_damage(value: str) -> None:
    with pytest.raises(ArtifactError, match="damaged"):
        Metadata.from_props({**METADATA.to_props(), "schema_version": value}, "m.onnx")


@pytest.mark.parametrize("name", ["names", "description", "dataset", "license", "toolkit_version"])
def test_half_a_character_that_no_terminal_could_show_is_damage(name: str) -> None:
    text = '"\\ud800"'
    value = f'[{text}, "b", "c"]' if name == "names" else text
    with pytest.raises(ArtifactError, match="damaged"):
        Metadata.from_props({**METADATA.to_props(), name: value}, "m.onnx")


def test_no_metadata_and_a_newer_schema_are_told() -> None:
    with pytest.raises(ArtifactError, match="no mnistx metadata"):
        Metadata.from_props({})
    with pytest.raises(ArtifactError, match="update mnistx-runtime"):
        Metadata.from_props({**METADATA.to_props(), "schema_version": "99"})


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("names", '["a"]', "1 classes; a classifier has 2 to 1,000"),
        ("names", json.dumps([str(n) for n in range(1001)]), "1001 classes"),
        ("names", '["a", "b", "a"]', "two classes are called 'a'"),
        ("names", '["a", " "]', "a text that isn't empty"),
        ("task", '"detect"', "made for detect"),
        ("temperature", "0", "temperature"),
        ("flops", "-1", "flops"),
        ("test_accuracy", "1.01", "test_accuracy"),
    ],
)
def test_values_out_of_their_bounds_are_told(name: str, value: str, told: str) -> None:
    with pytest.raises(ArtifactError, match=told):
        Metadata.from_props({**METADATA.to_props(), name: value})


def test_a_newer_preprocess_is_told() -> None:
    values = METADATA.input.to_dict() | {"preprocess_version": 99}
    with pytest.raises(ArtifactError, match="update mnistx-runtime"):
        Metadata.from_props({**METADATA.to_props(), "input": json.dumps(values)})
    with pytest.raises(ArtifactError, match="update mnistx-runtime"):
        Metadata.from_props({**props_of_schema_1(), "preprocess_version": "99"})


def test_what_schema_1_said_of_the_input_is_the_digit_reader_s() -> None:
    found = Metadata.from_props(props_of_schema_1())
    assert found.schema_version == 1 and found.payload_sha256 == ""
    assert found.input.shape == (1, 28, 28) and found.input.preprocess == "mnist-digit"
    assert found.input.preprocess_version == 2 and dict(found.input.parameters) == {}
    letters = Metadata.from_props({**props_of_schema_1(), "names": json.dumps([*"abcdefghij"])})
    assert dict(letters.input.parameters) == {"reject": False}


@pytest.mark.parametrize(("name", "value"), [("imgsz", "[32, 32]"), ("imgsz", "7"), ("channels", "3"), ("std", "0")])
def test_of_schema_1_another_input_is_damage(name: str, value: str) -> None:
    with pytest.raises(ArtifactError, match=r"m\.onnx carries damaged"):
        Metadata.from_props({**props_of_schema_1(), name: value}, "m.onnx")


def test_the_digest_covers_every_field_and_the_certificate_and_nothing_of_other_tools() -> None:
    props = METADATA.to_props() | {"certificate": "{}"}
    digest = props_sha256(props)
    assert props_sha256(dict(reversed(props.items())) | {"author": "someone", "metadata_sha256": digest}) == digest
    for name in props:
        assert props_sha256({**props, name: props[name] + " "}) != digest
        assert props_sha256({key: value for key, value in props.items() if key != name}) != digest


def test_the_digest_of_schema_1_covers_its_own_fields() -> None:
    props = props_of_schema_1()
    for name in ("mean", "std", "preprocess_version", "imgsz", "channels"):
        assert props_sha256({**props, name: "0.5"}) != props["metadata_sha256"]


def test_the_released_metadata_is_read_as_it_was_before_schema_2() -> None:
    from mnistx_runtime.artifact.container import open_artifact
    from mnistx_runtime.bundled import BUNDLED

    found = open_artifact(Path(BUNDLED)).metadata
    assert found.names == tuple("0123456789") and found.input.mean == (0.1307,) and found.input.std == (0.3081,)


def test_two_thousand_names_are_checked_quickly_and_a_thousand_are_allowed() -> None:
    check_names(tuple(map(str, range(1000))))
    with pytest.raises(ValueError, match="2000 classes"):
        check_names(tuple(map(str, range(2000))))
    with pytest.raises(ValueError, match="must be a text"):
        names: Any = ("a", 7)
        check_names(names)


def test_fields_of_the_library_s_own_are_checked_too() -> None:
    with pytest.raises(BadInput, match="no metadata of a model: temperature nan"):
        replace(METADATA, temperature=float("nan"))
