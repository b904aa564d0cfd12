import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from mnistx_train.evaluation.metrics import Metrics, measure
from mnistx_train.reporting import figures
from mnistx_train.training.loop import Epoch

MANY = tuple(f"class {i}" for i in range(1000))


def answers(classes: int, count: int = 60) -> Metrics:
    random = np.random.default_rng(0)
    scores = random.normal(size=(count, classes))
    labels = random.integers(0, classes, count)
    return measure(scores - np.logaddexp.reduce(scores, axis=1, keepdims=True), labels)


def opened(png: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


@pytest.mark.parametrize("name", ["$^$", "a$b$c", "<b>"])
def test_class_names_are_drawn_as_they_are(name: str) -> None:
    metrics = measure(np.log(np.full((2, 2), 0.5)), np.array([0, 1]))
    assert figures.confusion(metrics, [name, "b"]).startswith(b"\x89PNG")
    assert figures.misclassified(metrics, np.zeros((2, 1, 28, 28), np.uint8), [name, "b"]).startswith(b"\x89PNG")


@pytest.mark.parametrize("classes", [2, 10, 1000])
def test_figures_of_any_number_of_classes_fit_a_page(classes: int) -> None:
    metrics, names = answers(classes), MANY[:classes]
    for figure in (figures.confusion(metrics, names), figures.per_class(metrics, names)):
        height, width, _ = opened(figure).shape
        assert height < 2200 and width < 2200


def test_colour_is_drawn_in_colour_and_grey_in_grey() -> None:
    red = np.zeros((3, 8, 9), np.uint8)
    red[0] = 255
    grey = np.full((1, 8, 9), 128, np.uint8)

    coloured, plain = opened(figures.titled([red], ["red"])), opened(figures.titled([grey], ["grey"]))

    assert (coloured == (255, 0, 0)).all(2).sum() > 100
    assert (plain == 128).all(2).sum() > 100 and (plain == plain[..., :1]).all()


def test_before_and_after_stand_in_turn() -> None:
    images = [np.full((1, 8, 8), value, np.uint8) for value in (10, 200)]

    assert opened(figures.before_and_after(images, images[::-1], ["a", "b"])).shape[2] == 3


def test_curves_and_calibration_are_pictures() -> None:
    history = [Epoch(1, 0.9, 0.5, 0.75, 1.25), Epoch(2, 0.4, 0.3, 0.875, 1.5)]
    for figure in (figures.curves(history), figures.calibration(answers(4))):
        assert opened(figure).std() > 0
