import numpy as np

from mnistx_export.golden import draw_digit, golden_images


def test_golden_images_are_the_same_every_time_and_no_two_are_alike() -> None:
    images = golden_images()
    assert images.dtype == np.uint8 and (golden_images() == images).all()
    assert len({image.tobytes() for image in images}) == len(images)


def test_the_pen_draws_any_size_inside_the_box() -> None:
    for side in (28, 200):
        image = draw_digit(8, 3, side)
        rows, columns = np.nonzero(image)
        assert image.shape == (side, side)
        assert min(rows.min(), columns.min()) > side * 0.07 and max(rows.max(), columns.max()) < side * 0.93
