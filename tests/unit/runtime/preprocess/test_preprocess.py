from typing import Any

import numpy as np
import pytest
from PIL import Image

from mnistx_runtime.errors import BadInput
from mnistx_runtime.input_spec import PREPROCESSES, InputSpec
from mnistx_runtime.preprocess import one_image_only, preprocess_for

SHAPES: dict[str, tuple[int, int, int]] = {"mnist-digit": (1, 28, 28), "resize": (3, 20, 30), "none": (3, 20, 30)}


def spec_for(name: str, **values: Any) -> InputSpec:
    channels, height, width = SHAPES[name]
    numbers = (0.5,) * channels
    return InputSpec(
        channels=channels, height=height, width=width, mean=numbers, std=numbers, preprocess=name, **values
    )


@pytest.mark.parametrize("name", PREPROCESSES)
def test_every_preprocess_gives_images_of_the_spec_s_shape(name: str) -> None:
    spec = spec_for(name)
    found = preprocess_for(spec)
    picture = Image.new("RGB", (spec.width, spec.height), "white")
    picture.paste("black", (13, 4, 16, spec.height - 4))
    prepared = found.prepare(picture)
    assert prepared.image.shape == spec.shape and prepared.image.dtype == np.uint8
    assert prepared.image.flags.c_contiguous or name == "mnist-digit"
    left, top, right, bottom = prepared.box
    assert 0 <= left < right <= spec.width and 0 <= top < bottom <= spec.height
    assert (prepared.ink is not None) == (name == "mnist-digit")
    assert spec.preprocess_version == found.version >= 1


@pytest.mark.parametrize("name", PREPROCESSES)
def test_only_the_digit_reader_reads_many(name: str) -> None:
    picture = Image.new("RGB", (90, 90), "white")
    picture.paste("black", (40, 10, 46, 80))
    preprocess = preprocess_for(spec_for(name))
    if name == "mnist-digit":
        ((digit,),) = preprocess.prepare_many(picture)
        assert digit.image.shape == (1, 28, 28)
        return
    with pytest.raises(BadInput, match=f"this model's preprocess, '{name}', makes one"):
        preprocess.prepare_many(picture)


@pytest.mark.parametrize("name", PREPROCESSES)
def test_parameters_that_a_preprocess_does_not_have_are_told(name: str) -> None:
    with pytest.raises(BadInput, match=r"no parameters|takes|no parameter"):
        spec_for(name, parameters={"no such": 1})


def test_a_version_of_a_newer_mnistx_is_told() -> None:
    spec = spec_for("resize")
    assert preprocess_for(spec).version == spec.preprocess_version
    with pytest.raises(BadInput, match=r"made for pictures as version 9 of resize .* update mnistx-runtime"):
        spec_for("resize", preprocess_version=9)


def test_what_to_tell_who_wants_many_answers_names_the_preprocess() -> None:
    assert "'resize'" in str(one_image_only(spec_for("resize")))
