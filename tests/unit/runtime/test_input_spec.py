import json
from typing import Any

import pytest

from mnistx_runtime.errors import BadInput
from mnistx_runtime.input_spec import InputSpec

COLOUR: dict[str, Any] = {"channels": 3, "height": 40, "width": 48, "mean": (0.4, 0.5, 0.6), "std": (0.2, 0.2, 0.3)}


def test_a_spec_survives_the_way_through_json() -> None:
    spec = InputSpec(**COLOUR, preprocess="resize", parameters={"mode": "shorter", "size": 64})
    again = InputSpec.from_dict(json.loads(json.dumps(spec.to_dict())))
    assert again == spec and again.shape == (3, 40, 48)
    assert again.parameters == {"mode": "shorter", "size": 64}
    assert again.preprocess_version >= 1


@pytest.mark.parametrize("mean", [0.5, (0.5, 0.5, 0.5), [0.5, 0.5, 0.5]])
def test_a_number_alone_is_for_all_channels(mean: Any) -> None:
    assert InputSpec(**COLOUR | {"mean": mean}).mean == (0.5, 0.5, 0.5)


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"channels": 2}, "channels must be 1"),
        ({"channels": True}, "channels must be 1"),
        ({"channels": "3"}, "channels must be 1"),
        ({"height": 7}, "height must be a whole number from 8 to 1024"),
        ({"width": 1025}, "width must be a whole number from 8 to 1024"),
        ({"height": 40.0}, "height must be"),
        ({"height": True}, "height must be"),
        ({"mean": (0.5, 0.5)}, "mean has 2 numbers for 3 channels"),
        ({"mean": 128}, "mean must be numbers from 0 to 1, of pixels scaled to 0..1"),
        ({"mean": "0.5"}, "mean must be numbers"),
        ({"mean": float("nan")}, "mean must be numbers"),
        ({"mean": None}, "mean must be numbers"),
        ({"std": 0}, "std must be numbers from 1e-06"),
        ({"std": (0.1, True, 0.1)}, "std must be numbers"),
        ({"std": float("inf")}, "std must be numbers"),
        ({"preprocess": "resise"}, "did you mean 'resize'"),
        ({"preprocess": 7}, "unknown preprocess 7"),
        ({"preprocess": ["none"]}, "unknown preprocess"),
        ({"parameters": 7}, "names and values"),
        ({"parameters": {"size": 7}}, "takes no parameters"),
        ({"preprocess_version": -1}, "preprocess_version must be a whole number"),
        ({"preprocess_version": "1"}, "preprocess_version must be a whole number"),
        ({"preprocess_version": 99}, "update mnistx-runtime"),
    ],
)
def test_a_value_out_of_its_bounds_is_told(values: dict[str, Any], why: str) -> None:
    with pytest.raises(BadInput, match=why):
        InputSpec(**COLOUR | values)


def test_what_is_missing_or_unknown_is_named() -> None:
    with pytest.raises(BadInput, match="the input lacks mean, std"):
        InputSpec.from_dict({"channels": 1, "height": 28, "width": 28})
    with pytest.raises(BadInput, match="an input has no 'hight'; did you mean 'height'"):
        InputSpec.from_dict(COLOUR | {"hight": 28})


def test_a_spec_cannot_be_changed() -> None:
    given = {"mode": "exact"}
    spec = InputSpec(**COLOUR, preprocess="resize", parameters=given)
    given["mode"] = "shorter"
    assert spec.parameters == {"mode": "exact"}
    with pytest.raises(TypeError):
        spec.parameters["mode"] = "shorter"  # type: ignore[index]
    with pytest.raises(AttributeError):
        spec.height = 7  # type: ignore[misc]


def test_the_version_of_the_preprocess_is_that_of_today_or_the_one_that_was_in_force() -> None:
    today = InputSpec(**COLOUR, preprocess="resize").preprocess_version
    assert InputSpec(**COLOUR, preprocess="resize", preprocess_version=1).preprocess_version == 1 <= today
