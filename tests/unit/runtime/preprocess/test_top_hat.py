import numpy as np
import pytest

from mnistx_runtime.preprocess.top_hat import top_hat


def by_definition(bright: np.ndarray, size: int) -> np.ndarray:
    """The picture less the brightest of all squares around each pixel, each as dark as its darkest pixel."""
    padded = np.pad(bright.astype(int), size, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size)).min((2, 3))
    opened = np.lib.stride_tricks.sliding_window_view(windows, (size, size)).max((2, 3))[1:-1, 1:-1]
    found: np.ndarray = bright - np.minimum(bright, opened)
    return found


@pytest.mark.parametrize(("room", "size"), [(5, 3), (20, 6), (40, 12)])
@pytest.mark.parametrize("shape", [(1, 1), (30, 41)])
def test_it_is_what_no_square_fits_into(room: float, size: int, shape: tuple[int, int]) -> None:
    bright = np.random.default_rng(size).integers(0, 256, shape).astype(np.uint8)
    assert (top_hat(bright, room) == by_definition(bright, size)).all()


def test_a_stroke_stays_and_a_shadow_goes() -> None:
    slope = np.tile(np.linspace(0, 120, 100).astype(np.uint8), (100, 1))
    slope[20:80, 48:52] = 255
    found = top_hat(slope, 100)
    assert found[30:70, 48:52].min() > 150 and found[:, 60:].max() <= 3
