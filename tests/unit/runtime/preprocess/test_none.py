import numpy as np
import pytest
from PIL import Image

from mnistx_runtime.errors import BadInput
from mnistx_runtime.input_spec import InputSpec
from mnistx_runtime.preprocess.none import NoPreprocess

GREY = InputSpec(channels=1, height=20, width=30, mean=(0.5,), std=(0.5,))
COLOUR = InputSpec(channels=3, height=20, width=30, mean=(0.5,) * 3, std=(0.5,) * 3)
PIXELS = np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype(np.uint8)


def test_the_pixels_are_the_picture_s_own() -> None:
    colour = NoPreprocess(COLOUR).prepare(Image.fromarray(PIXELS))
    assert (colour.image == PIXELS.transpose(2, 0, 1)).all() and colour.box == (0, 0, 30, 20)
    grey = NoPreprocess(GREY).prepare(Image.fromarray(PIXELS[:, :, 0]))
    assert (grey.image == PIXELS[None, :, :, 0]).all() and grey.rejection_reason is None


def test_a_picture_of_another_mode_becomes_the_model_s() -> None:
    picture = Image.fromarray(PIXELS)
    assert (NoPreprocess(GREY).prepare(picture).image[0] == np.asarray(picture.convert("L"))).all()
    assert NoPreprocess(COLOUR).prepare(picture.convert("L")).image.shape == (3, 20, 30)


@pytest.mark.parametrize("size", [(20, 30), (30, 21), (28, 28)])
def test_another_size_is_told(size: tuple[int, int]) -> None:
    with pytest.raises(BadInput, match=f"the picture is {size[0]}x{size[1]}; this model takes 30x20"):
        NoPreprocess(GREY).prepare(Image.new("L", size))
