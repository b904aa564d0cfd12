from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mnistx_runtime import InputSpec
from mnistx_train.datasets import DIGITS, SOURCES, Source, Split, is_path, picture_spec, source, training_data
from mnistx_train.datasets.base import digit_spec
from mnistx_train.errors import TrainError
from sets import keys, write_idx_folder


@pytest.mark.parametrize("name", ["minst", "x" * 300, "", "no/such/folder"])
def test_unknown_name_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(TrainError, match=f"no data set .*neither a folder or file nor one of {', '.join(SOURCES)}"):
        source(name)
    assert not is_path(name)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("absent.csv", "neither a folder or file nor one of"),
        ("file", r"no data set that is read here; name a folder .* or a \.csv or \.npz file"),
        ("mnist.parquet", "no data set that is read here; name"),
        ("archive.zip", "no data set that is read here; unpack it first; name"),
    ],
)
def test_a_file_that_is_no_data_set_is_told_what_would_be(tmp_path: Path, name: str, says: str) -> None:
    if not name.startswith("absent"):
        (tmp_path / name).write_bytes(b"x")

    with pytest.raises(TrainError, match=says):
        source(str(tmp_path / name))


def test_a_set_that_has_images_already_must_have_them_of_the_shape_asked_for(tmp_path: Path) -> None:
    write_idx_folder(tmp_path)
    asked = picture_spec(40, 48)
    for name in ("digits", str(tmp_path)):
        with pytest.raises(TrainError, match="has images of 28x28 in grey, not of 40x48 in colour"):
            source(name, spec=asked)
        assert source(name, spec=digit_spec(DIGITS)).spec.shape == (1, 28, 28)


def test_training_data_never_looks_at_the_test_images(digits_whole: Split) -> None:
    asked: list[bool] = []

    def read(train: bool) -> Split:
        asked.append(train)
        return digits_whole

    found = training_data(Source("watched", DIGITS, read, digit_spec(DIGITS)))

    assert asked == [True]
    assert keys(found.training) + keys(found.validation) == keys(digits_whole)
    assert len(found.validation) == round(len(digits_whole) / 12)
    assert found.spec.mean == (round(float(np.mean(digits_whole.images / 255)), 4),)
    assert found.spec.std == (round(float(np.std(digits_whole.images / 255)), 4),)
    assert replace(found.spec, mean=(0.0,), std=(1.0,)) == digit_spec(DIGITS)


def colours(blue: int) -> Source:
    images = np.random.default_rng(0).integers(0, 256, (24, 3, 8, 9), np.uint8)
    images[:, 2] = blue
    split = Split(images, np.arange(24) % 2)
    spec = InputSpec(channels=3, height=8, width=9, mean=(0.0,) * 3, std=(1.0,) * 3, preprocess="resize")
    return Source("colours", ("a", "b"), lambda _: split, spec)


def test_each_channel_is_measured_and_an_empty_one_can_be_divided_by() -> None:
    spec = training_data(colours(0)).spec
    pixels = colours(0).read(True).images / 255

    assert spec.mean == tuple(round(float(pixels[:, channel].mean()), 4) for channel in range(3))
    assert spec.std == (*(round(float(pixels[:, channel].std()), 4) for channel in range(2)), 1.0)
    assert (spec.shape, spec.preprocess) == ((3, 8, 9), "resize")


def test_images_of_one_brightness_teach_nothing() -> None:
    blank = Split(np.full((24, 1, 28, 28), 7, np.uint8), np.arange(24) % 2)

    with pytest.raises(TrainError, match="of one brightness"):
        training_data(Source("blank", ("0", "1"), lambda _: blank, digit_spec(DIGITS)))
