import base64
import json
import zlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mnistx_runtime.artifact.certificate import KEY, MOST_IMAGES, Certificate
from mnistx_runtime.artifact.parity import Tolerance
from mnistx_runtime.errors import ArtifactError

SHAPE = (1, 28, 28)
CERTIFICATE = Certificate(
    np.arange(2 * 784, dtype=np.uint8).reshape(2, *SHAPE), np.log(np.full((2, 3), 1 / 3, np.float32))
)
OF_SCHEMA_1: dict[str, Any] = {
    "atol": 1e-4,
    "count": 2,
    "images_zlib": CERTIFICATE.to_dict()["images_zlib"],
    "log_probs": CERTIFICATE.to_dict()["log_probs"],
}


def read(values: Any, classes: int = 3, shape: tuple[int, int, int] = SHAPE) -> Certificate:
    text = values if isinstance(values, str) else json.dumps(values)
    return Certificate.from_props({KEY: text}, shape, classes, "m.onnx")


def test_a_certificate_survives_the_way_through_a_property() -> None:
    again = read(CERTIFICATE.to_dict())
    assert (again.images == CERTIFICATE.images).all() and again.images.shape == (2, *SHAPE)
    assert (again.log_probs == CERTIFICATE.log_probs).all() and again.log_probs.dtype == np.float32
    assert again.tolerance == Tolerance() and again.own is None and again.in_distribution is None


def test_a_certificate_of_reduced_precision_keeps_its_own_answers() -> None:
    tolerance = Tolerance(0.5, changed=1e-3, own_atol=0.05)
    own = replace(CERTIFICATE, tolerance=tolerance, own=CERTIFICATE.log_probs + 1, in_distribution=0)
    again = read(own.to_dict())
    assert again.own is not None and own.own is not None and (again.own == own.own).all()
    assert again.tolerance == tolerance and again.in_distribution == 0


def test_images_that_an_earlier_mnistx_did_not_deflate_are_read() -> None:
    values = OF_SCHEMA_1 | {"images": base64.b64encode(CERTIFICATE.images.tobytes()).decode()}
    del values["images_zlib"]
    assert (read(values).images == CERTIFICATE.images).all()


def test_what_schema_1_allowed_is_read() -> None:
    assert read(OF_SCHEMA_1).tolerance == Tolerance(1e-4)
    own = OF_SCHEMA_1 | {"own": OF_SCHEMA_1["log_probs"], "own_atol": 0.05, "changed": 1, "drawn": 1, "atol": 0.5}
    found = read(own)
    assert found.tolerance == Tolerance(0.5, changed=1e-3, own_atol=0.05) and found.in_distribution == 1
    assert read(own | {"drawn": 0}).in_distribution is None


def with_tolerance(**values: Any) -> dict[str, Any]:
    return CERTIFICATE.to_dict() | {"tolerance": {"atol": 1e-4, "changed": 0.0, "own_atol": None} | values}


INFINITY = float("inf")
DEEP = "[" * 100_000 + "]" * 100_000


@pytest.mark.parametrize(
    "values",
    [
        {},
        [],
        7,
        "",
        "not json",
        "null",
        '"text"',
        DEEP,
        '{"count": ' + DEEP + "}",
        OF_SCHEMA_1 | {"count": 0, "images": "", "log_probs": ""},
        OF_SCHEMA_1 | {"log_probs": "AAAA"},
        OF_SCHEMA_1 | {"images_zlib": "AAAA"},
        OF_SCHEMA_1 | {"atol": "x"},
        OF_SCHEMA_1 | {"atol": INFINITY},
        CERTIFICATE.to_dict() | {"count": 1_000_000},
        CERTIFICATE.to_dict() | {"count": 1},
        CERTIFICATE.to_dict() | {"count": 3},
        CERTIFICATE.to_dict() | {"count": INFINITY},
        CERTIFICATE.to_dict() | {"count": None},
        CERTIFICATE.to_dict() | {"images_zlib": 7},
        CERTIFICATE.to_dict() | {"images_zlib": "\ud800"},
        CERTIFICATE.to_dict() | {"log_probs": None},
        CERTIFICATE.to_dict() | {"own": "AAAA"},
        CERTIFICATE.to_dict() | {"in_distribution": -1},
        CERTIFICATE.to_dict() | {"in_distribution": 3},
        CERTIFICATE.to_dict() | {"in_distribution": "x"},
        CERTIFICATE.to_dict() | {"tolerance": 7},
        CERTIFICATE.to_dict() | {"tolerance": {"atol": 1}},
        with_tolerance(atol=INFINITY),
        with_tolerance(atol=float("nan")),
        with_tolerance(atol=-1),
        with_tolerance(changed=INFINITY),
        with_tolerance(changed=float("nan")),
        with_tolerance(changed=1.1),
        with_tolerance(own_atol=INFINITY),
        with_tolerance(own_atol=[]),
    ],
    ids=lambda values: str(values)[:30],
)
def test_a_damaged_certificate_is_told_in_one_line(values: Any) -> None:
    with pytest.raises(ArtifactError, match=r"m\.onnx carries a damaged certificate") as raised:
        read(values)
    assert len(str(raised.value)) < 500


def test_no_certificate_is_told() -> None:
    with pytest.raises(ArtifactError, match="damaged certificate"):
        Certificate.from_props({}, SHAPE, 3)


def test_answers_of_another_class_count_are_told() -> None:
    with pytest.raises(ArtifactError, match="damaged certificate"):
        read(CERTIFICATE.to_dict(), classes=2)


def test_images_that_unpack_to_more_memory_than_any_certificate_holds_are_not_unpacked() -> None:
    values = CERTIFICATE.to_dict() | {
        "count": MOST_IMAGES,
        "images_zlib": base64.b64encode(zlib.compress(bytes(1 << 22))).decode(),
    }
    with pytest.raises(ArtifactError, match="golden images"):
        read(values, shape=(3, 1024, 1024))
