import base64
import json
from dataclasses import replace

import numpy as np
import pytest

from mnistx_runtime.artifact.metadata import Certificate, Metadata, weights_sha256
from mnistx_runtime.errors import ArtifactError

CERTIFICATE = Certificate(
    np.arange(2 * 784, dtype=np.uint8).reshape(2, 1, 28, 28), np.log(np.full((2, 3), 1 / 3, np.float32)), 1e-4
)
METADATA = Metadata(
    names=("a", "ß", "7"),
    mean=0.1307,
    std=0.3081,
    dataset="d",
    weights_sha256="0" * 64,
    test_accuracy=0.99,
    certificate=CERTIFICATE,
    description="x",
    toolkit_version="0.1.0",
)


def test_metadata_survives_the_way_through_string_properties() -> None:
    again = Metadata.from_props(METADATA.to_props())
    assert again.to_dict() == METADATA.to_dict()
    assert again.names == ("a", "ß", "7") and again.imgsz == (28, 28)
    assert (again.certificate.images == CERTIFICATE.images).all()
    assert (again.certificate.log_probs == CERTIFICATE.log_probs).all()


def test_properties_of_other_tools_are_ignored() -> None:
    assert Metadata.from_props({**METADATA.to_props(), "author": "someone"}).names == METADATA.names


def test_properties_are_in_one_order_and_each_is_json() -> None:
    props = METADATA.to_props()
    assert list(props) == sorted(props)
    assert json.loads(props["mean"]) == 0.1307


@pytest.mark.parametrize("name", ["names", "mean", "certificate", "weights_sha256"])
def test_a_missing_property_is_damage(name: str) -> None:
    props = METADATA.to_props()
    del props[name]
    with pytest.raises(ArtifactError, match="damaged"):
        Metadata.from_props(props, "m.onnx")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("names", "not json"),
        ("certificate", "{}"),
        ("certificate", '{"atol":1e-4,"count":0,"images":"","log_probs":""}'),
        ("certificate", '{"atol":1e-4,"count":2,"images":"AAAA","log_probs":"AAAA"}'),
        ("imgsz", "7"),
    ],
)
def test_a_damaged_property_is_told(name: str, value: str) -> None:
    with pytest.raises(ArtifactError, match=r"m\.onnx carries damaged"):
        Metadata.from_props({**METADATA.to_props(), name: value}, "m.onnx")


def test_no_metadata_and_a_newer_schema_are_told() -> None:
    with pytest.raises(ArtifactError, match="no mnistx metadata"):
        Metadata.from_props({})
    with pytest.raises(ArtifactError, match="update mnistx-runtime"):
        Metadata.from_props({**METADATA.to_props(), "schema_version": "99"})


def test_names_that_do_not_fit_the_answers_and_a_newer_preprocess_are_told() -> None:
    for name, value, told in (
        ("names", '["a", "b"]', "2 names for 3 classes"),
        ("imgsz", "[32, 32]", "made for classify"),
        ("temperature", "0", "temperature"),
        ("preprocess_version", "99", "update mnistx-runtime"),
    ):
        with pytest.raises(ArtifactError, match=told):
            Metadata.from_props({**METADATA.to_props(), name: value})


def test_the_digest_sees_names_shapes_types_and_every_bit_but_not_the_order() -> None:
    a, b = np.zeros((2, 3), np.float32), np.ones(4, np.float32)
    digest = weights_sha256({"a": a, "b": b})
    assert digest == weights_sha256({"b": b, "a": a})
    nudged = a.copy()
    nudged[1, 2] = np.nextafter(np.float32(0), np.float32(1))
    others: list[dict[str, np.ndarray]] = [
        {"a": nudged, "b": b},
        {"a": a.reshape(3, 2), "b": b},
        {"c": a, "b": b},
        {"a": a.view(np.int32), "b": b},
    ]
    assert len({digest, *[weights_sha256(other) for other in others]}) == 5


def test_a_certificate_of_reduced_precision_keeps_its_own_answers() -> None:
    own = replace(CERTIFICATE, changed=1, own=CERTIFICATE.log_probs + 1, own_atol=0.05, own_weights="ab")
    again = Certificate.from_dict(own.to_dict())
    assert again.own is not None and (again.own == own.own).all()
    assert (again.changed, again.own_atol, again.own_weights) == (1, 0.05, "ab")
    assert Certificate.from_dict(CERTIFICATE.to_dict()).own is None


def test_images_that_an_earlier_mnistx_did_not_deflate_are_read() -> None:
    values = CERTIFICATE.to_dict()
    del values["images_zlib"]
    values["images"] = base64.b64encode(CERTIFICATE.images.tobytes()).decode()
    assert (Certificate.from_dict(values).images == CERTIFICATE.images).all()
