from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mnistx_train.datasets import source
from mnistx_train.datasets.polarity import grounds
from sets import idx_bytes, random_images


def strokes(count: int) -> NDArray[np.uint8]:
    """Bright bars on black, `(count, 28, 28)`."""
    images = np.zeros((count, 28, 28), np.uint8)
    for at, image in enumerate(images):
        image[4:24, 8 + at % 8 : 12 + at % 8] = 150 + at
    return images


def write(folder: Path, training: NDArray[np.uint8], test: NDArray[np.uint8]) -> None:
    for prefix, images in (("train", training), ("t10k", test)):
        (folder / f"{prefix}-images-idx3-ubyte").write_bytes(idx_bytes(images))
        (folder / f"{prefix}-labels-idx1-ubyte").write_bytes(idx_bytes((np.arange(len(images)) % 2).astype(np.uint8)))


def test_dark_ink_on_a_light_ground_is_inverted_and_that_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path, 255 - strokes(10), 255 - strokes(6))

    found = source(str(tmp_path))

    assert np.array_equal(found.read(True).images[:, 0], strokes(10))
    assert np.array_equal(found.read(False).images[:, 0], strokes(6))
    assert [line.partition(":")[2] for line in caplog.messages] == [
        f" {part} images are of dark ink on a light ground; inverted, as pictures will be"
        for part in ("training", "test")
    ]


def test_bright_ink_on_dark_stays_as_it_is(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path, strokes(10), strokes(6))

    assert np.array_equal(source(str(tmp_path)).read(True).images[:, 0], strokes(10))
    assert not caplog.messages


def test_images_of_both_kinds_stay_as_they_are_and_that_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    both = np.concatenate([strokes(5), 255 - strokes(5)])
    write(tmp_path, both, strokes(6))

    assert np.array_equal(source(str(tmp_path)).read(True).images[:, 0], both)
    assert "training images: 50% have a light ground, 50% a dark one; make them alike" in caplog.messages[0]


def test_images_that_no_digit_reader_will_make_stay_as_they_are(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    images = np.pad(255 - strokes(6), ((0, 0), (0, 4), (0, 0)), constant_values=255)
    write(tmp_path, images, images)

    assert np.array_equal(source(str(tmp_path)).read(True).images[:, 0], images)
    assert not caplog.messages


def test_a_ground_is_told_on_grey_paper_and_not_in_noise() -> None:
    paper = (180 - strokes(20) // 2)[:, None]
    assert grounds(paper) == (1.0, 0.0) and grounds(255 - paper) == (0.0, 1.0)
    assert max(grounds(random_images(50)[:, None])) < 0.1
    assert grounds(np.full((3, 1, 28, 28), 255, np.uint8)) == (0.0, 0.0)
