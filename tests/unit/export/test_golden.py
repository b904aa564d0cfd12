import json

import numpy as np
import pytest

from mnistx_export.golden import draw_digit, fit_bytes, golden_images, seeded_images
from mnistx_runtime import Certificate, InputSpec, Tolerance

DIGITS = InputSpec(channels=1, height=28, width=28, mean=(0.13,), std=(0.31,), preprocess="mnist-digit")


def test_golden_images_are_the_same_every_time_and_no_two_are_alike() -> None:
    found = golden_images(DIGITS, "0123456789")
    assert found.images.dtype == np.uint8 and (golden_images(DIGITS, "0123456789").images == found.images).all()
    assert len({image.tobytes() for image in found.images}) == len(found.images) == 44
    assert found.in_distribution == 30 and golden_images(DIGITS, ("shirt", "coat")).in_distribution == 0


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 8, 9), (1, 32, 32), (3, 40, 48), (3, 224, 224)])
def test_seeded_images_have_any_shape_and_no_two_are_alike(shape: tuple[int, int, int]) -> None:
    channels, height, width = shape
    images = seeded_images(
        InputSpec(channels=channels, height=height, width=width, mean=(0.5,) * channels, std=(0.5,) * channels)
    )
    assert images.shape[1:] == shape and images.dtype == np.uint8
    assert len({image.tobytes() for image in images}) == len(images) == 16


@pytest.mark.parametrize("classes", [2, 100, 1000])
@pytest.mark.parametrize("pictures", [0, 5, 100])
def test_a_certificate_of_large_colour_images_stays_below_300_kb(classes: int, pictures: int) -> None:
    spec = InputSpec(channels=3, height=224, width=224, mean=(0.5,) * 3, std=(0.5,) * 3, preprocess="resize")
    random = np.random.default_rng(0)
    noise = random.integers(0, 256, (pictures, 3, 224, 224), dtype=np.uint8) if pictures else None
    found = golden_images(spec, [str(at) for at in range(classes)], noise)
    answers = random.random((len(found.images), classes)).astype(np.float32)
    certificate = Certificate(found.images, answers, Tolerance(2, 1e-3, 0.05), found.in_distribution, answers)
    assert len(json.dumps(certificate.to_dict())) < 300_000
    assert len(found.images) >= 8 and bool(found.in_distribution) == bool(pictures)


def test_pictures_that_fit_stay_as_they_are_and_others_are_drawn_in_blocks() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (4, 1, 64, 64), dtype=np.uint8)
    assert (fit_bytes(noise, 20_000) == noise).all()
    blocks = fit_bytes(noise, 6_000)
    sides = [side for side in (2, 3, 4) if (blocks[:, :, ::side, ::side] == noise[:, :, ::side, ::side]).all()]
    assert len(blocks) == 4 and sides and (blocks[:, :, :2, :2] == blocks[:, :, :1, :1]).all()


def test_the_pen_draws_any_size_inside_the_box() -> None:
    for side in (28, 200):
        image = draw_digit(8, 3, side)
        rows, columns = np.nonzero(image)
        assert image.shape == (side, side)
        assert min(rows.min(), columns.min()) > side * 0.07 and max(rows.max(), columns.max()) < side * 0.93
