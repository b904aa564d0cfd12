"""Pictures as people take them: mnistx's own pen always, MNIST's handwriting where it is at hand."""

import io
from collections.abc import Iterable
from pathlib import Path
from typing import TypeGuard

import numpy as np
import pytest
from PIL import Image

from mnistx_export.golden import draw_digit
from mnistx_runtime import Prediction, PredictionRefused, Predictor, image_from_picture
from mnistx_runtime.predictor import MIN_CONFIDENCE
from mnistx_train.datasets import source, training_data
from photos import DISTURBANCES, Disturbance, Scene, photograph


def read(digits: np.ndarray, scene: Scene) -> list[int]:
    photos = [Image.open(io.BytesIO(photograph(digit, scene, seed))) for seed, digit in enumerate(digits)]
    images = [image_from_picture(photo) for photo in photos]
    return [answer.label for answer in Predictor().predict_batch(np.stack(images))]


@pytest.mark.parametrize("disturbance", DISTURBANCES, ids=lambda d: d.name)
def test_digits_of_its_own_pen_are_read_through_every_disturbance(disturbance: Disturbance) -> None:
    digits = np.stack([draw_digit(digit, 1) for digit in range(10)])
    assert sum(a == b for a, b in zip(read(digits, disturbance.scene(0.5)), range(10), strict=True)) >= 9


@pytest.mark.slow
@pytest.mark.parametrize("disturbance", DISTURBANCES, ids=lambda d: d.name)
def test_handwriting_is_read_through_every_disturbance(disturbance: Disturbance, mnist: Path) -> None:
    validation = training_data(source("mnist", mnist)).validation
    answers = read(validation.images[:60, 0], disturbance.scene(0.75))
    assert (np.array(answers) == validation.labels[:60]).mean() >= 0.93


@pytest.mark.slow
def test_test_images_drawn_as_clean_pages_are_read_as_well_as_the_raw_arrays(mnist: Path) -> None:
    test = source("mnist", mnist).read(False)
    images, labels = test.images[::2], test.labels[::2]
    pages = [Image.fromarray(255 - image).resize((280, 280), Image.Resampling.BICUBIC) for image in images[:, 0]]
    predictor = Predictor()

    def right(answers: Iterable[object]) -> float:
        return float(np.mean([accepted(a) and a.label == label for a, label in zip(answers, labels, strict=True)]))

    def accepted(answer: object) -> TypeGuard[Prediction]:
        return (
            isinstance(answer, Prediction) and answer.rejection_reason is None and answer.probability >= MIN_CONFIDENCE
        )

    assert right(predictor.predict_files(pages)) >= right(predictor.predict_batch(images)) - 0.0015


def test_two_digits_side_by_side_are_refused_and_one_in_two_pieces_is_not() -> None:
    two = Image.new("L", (560, 300), 255)
    for at, digit in ((0, 3), (250, 8)):
        two.paste(Image.fromarray(255 - draw_digit(digit, 1, 280)), (at, 10))
    with pytest.raises(PredictionRefused, match="more than one digit"):
        image_from_picture(two)
    five = 255 - draw_digit(5, 1, 280)
    five[78:90] = 255
    assert Predictor().predict(five).label == 5
