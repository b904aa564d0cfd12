"""What no digit looks like is refused; what one may look like isn't."""

import io
from contextlib import suppress

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter
from sklearn.datasets import load_sample_images

from mnistx_export.golden import draw_digit
from mnistx_runtime import PredictionRefused, Predictor
from mnistx_runtime.input_spec import InputSpec
from mnistx_runtime.preprocess import preprocess_for
from mnistx_runtime.preprocess.mnist_digit import prepare_digit
from photos import DISTURBANCES, Disturbance, photograph

LETTERS = InputSpec(
    channels=1, height=28, width=28, mean=(0.1,), std=(0.3,), preprocess="mnist-digit", parameters={"reject": False}
)


def page() -> tuple[Image.Image, ImageDraw.ImageDraw]:
    blank = Image.new("L", (200, 200), 255)
    return blank, ImageDraw.Draw(blank)


def test_a_solid_shape_is_no_digit() -> None:
    picture, draw = page()
    draw.ellipse((60, 60, 110, 110), fill=0)
    assert "solid" in (prepare_digit(picture).rejection_reason or "")


def test_crumbs_are_no_digit() -> None:
    picture, draw = page()
    for x, y in ((60, 60), (87, 60), (114, 60), (60, 87), (114, 87), (87, 114)):
        draw.ellipse((x, y, x + 26, y + 18), fill=0)
    assert "pieces" in (prepare_digit(picture).rejection_reason or "")


def test_a_lattice_is_no_digit() -> None:
    picture, draw = page()
    for at in (50, 85, 120, 155):
        draw.line((50, at, 155, at), fill=0, width=8)
        draw.line((at, 50, at, 155), fill=0, width=8)
    assert "holes" in (prepare_digit(picture).rejection_reason or "")


def test_most_of_a_landscape_and_a_flower_is_no_digit() -> None:
    random = np.random.default_rng(0)
    photos = [Image.fromarray(image) for image in load_sample_images().images]
    predictor = Predictor()
    read = 0
    for number in range(60):
        photo = photos[number % 2]
        side = int(random.integers(40, 400))
        x, y = (int(random.integers(0, room - side + 1)) for room in photo.size)
        with suppress(PredictionRefused):
            predictor.predict(photo.crop((x, y, x + side, y + side)))
            read += 1
    assert read <= 15


@pytest.mark.parametrize("disturbance", DISTURBANCES, ids=lambda d: d.name)
def test_no_disturbance_makes_a_digit_doubtful_even_cut_out_without_a_margin(disturbance: Disturbance) -> None:
    for digit in range(10):
        photo = Image.open(io.BytesIO(photograph(draw_digit(digit, 4), disturbance.scene(0.5), digit)))
        prepared = prepare_digit(photo)
        assert prepared.rejection_reason is None
        assert prepare_digit(prepared.picture.crop(prepared.box)).rejection_reason is None


def dim_and_soft(digit: int, blur: float, dark: float, noise: float) -> Image.Image:
    """Faint ink on a dim ground, out of focus."""
    grey = np.full((280, 280), 110.0)
    grey[56:224, 56:224] -= dark / 255 * np.kron(draw_digit(digit, 1), np.ones((6, 6)))
    soft = Image.fromarray(grey.astype(np.uint8)).filter(ImageFilter.GaussianBlur(blur))
    noisy = np.asarray(soft) + np.random.default_rng(digit).normal(0, noise, (280, 280))
    return Image.fromarray(noisy.astype(np.uint8))


def test_half_of_the_digits_that_are_dim_and_soft_are_read_and_hardly_one_is_misread() -> None:
    predictor = Predictor()
    right = []
    for scene in ((5, 25, 6), (8, 25, 4), (12, 40, 4)):
        for digit in range(10):
            with suppress(PredictionRefused):
                right.append(predictor.predict(dim_and_soft(digit, *scene)).label == digit)
    assert sum(right) >= 16 and right.count(False) <= 1


def test_only_models_of_digits_ask_whether_it_is_one() -> None:
    picture, draw = page()
    draw.ellipse((60, 60, 110, 110), fill=0)
    assert prepare_digit(picture).rejection_reason is not None
    assert preprocess_for(LETTERS).prepare(picture).rejection_reason is None
    assert all(each.rejection_reason is None for line in preprocess_for(LETTERS).prepare_many(picture) for each in line)
