import io
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from golden_pictures import GOLDEN
from mnistx_export.golden import draw_digit, hard_images
from mnistx_runtime.errors import BadInput, PredictionRefused
from mnistx_runtime.input_spec import InputSpec
from mnistx_runtime.preprocess.mnist_digit import MnistDigit, image_from_picture, prepare_digit

Pixels = NDArray[np.uint8]


def page(ink: int = 0, ground: int = 255, side: int = 280) -> Image.Image:
    drawn = draw_digit(5, 1, side).astype(np.float32) / 255
    return Image.fromarray(np.round(ground + (ink - ground) * drawn).astype(np.uint8))


def distance(a: Pixels, b: Pixels) -> float:
    return float(np.abs(a.astype(float) - b.astype(float)).mean())


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_an_image_that_is_mnists_already_passes_byte_for_byte(mode: str) -> None:
    for image in (draw_digit(digit, seed) for seed in range(3) for digit in range(10)):
        assert (image_from_picture(Image.fromarray(image).convert(mode)) == image).all()


def test_the_digit_fills_a_box_of_20_and_its_centre_of_mass_is_in_the_middle() -> None:
    image = image_from_picture(page())
    rows, columns = np.nonzero(image > 0)
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
    y, x = (np.average(axis, weights=image) for axis in np.mgrid[0:28, 0:28])
    assert abs(y - 14) <= 0.5 and abs(x - 14) <= 0.5
    assert image.max() == 255 and image[0].max() == 0


@pytest.mark.parametrize(("ink", "ground"), [(255, 0), (90, 160), (200, 120), (0, 60), (255, 225)])
def test_ink_is_found_whether_it_is_darker_or_lighter(ink: int, ground: int) -> None:
    assert distance(image_from_picture(page(ink, ground)), image_from_picture(page())) < 8


def test_the_size_of_the_picture_and_its_surroundings_do_not_matter() -> None:
    expected = image_from_picture(page())
    wide = Image.new("L", (900, 1400), 255)
    wide.paste(page(), (500, 90))
    for picture in (page(side=100), page(side=2000), wide):
        assert distance(image_from_picture(picture), expected) < 8


@pytest.mark.parametrize("mode", ["1", "P", "RGB", "RGBA", "LA", "CMYK", "I;16", "I", "F"])
def test_every_kind_of_picture_gives_the_same_image(mode: str) -> None:
    grey = page()
    if mode.startswith("I"):
        wide = np.asarray(grey).astype(np.uint16) * 257
        picture = Image.fromarray(wide if mode == "I;16" else wide.astype(np.int32))
    else:
        picture = grey.convert(mode)
    assert picture.mode == mode
    assert distance(image_from_picture(picture), image_from_picture(grey)) < 4


@pytest.mark.parametrize("ink", ["black", "white"])
def test_ink_on_a_transparent_ground_is_found(ink: str) -> None:
    picture = Image.new("RGBA", (280, 280), (0, 0, 0, 0))
    picture.paste(Image.new("RGBA", (280, 280), ink), mask=Image.fromarray(draw_digit(5, 1, 280)))
    assert distance(image_from_picture(picture), image_from_picture(page())) < 4


def test_the_camera_s_orientation_is_undone() -> None:
    turned = page().transpose(Image.Transpose.ROTATE_90)
    exif: Any = Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    turned.save(file, "PNG", exif=exif)
    assert distance(image_from_picture(Image.open(file)), image_from_picture(page())) < 4


@pytest.mark.parametrize("level", [0, 128, 255])
def test_an_empty_picture_is_refused(level: int) -> None:
    for side in (28, 300):
        with pytest.raises(PredictionRefused, match="no ink found"):
            image_from_picture(Image.new("L", (side, side), level))


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (50, 1), (2, 3), (3000, 5)])
def test_pictures_of_odd_sizes_do_no_harm(size: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, size[::-1]).astype(np.uint8)
    try:
        image = image_from_picture(Image.fromarray(noise))
    except PredictionRefused:
        return
    assert image.shape == (28, 28) and image.dtype == np.uint8


@pytest.mark.parametrize("name", sorted(path.name.removesuffix(".in.png") for path in GOLDEN.glob("*.in.png")))
def test_golden_pictures_give_the_same_bytes_on_every_platform(name: str) -> None:
    assert MnistDigit.version == 3
    picture, expected = (Image.open(GOLDEN / f"{name}.{part}.png") for part in ("in", "out"))
    assert (image_from_picture(picture) == np.asarray(expected)).all()


def spec(**parameters: Any) -> InputSpec:
    return InputSpec(
        channels=1, height=28, width=28, mean=(0.13,), std=(0.31,), preprocess="mnist-digit", parameters=parameters
    )


def test_what_is_prepared_is_one_channel_of_what_image_from_picture_gives() -> None:
    small = page(side=240)
    for found in (prepare_digit(small), MnistDigit(spec()).prepare(small)):
        assert found.image.shape == (1, 28, 28) and found.image.dtype == np.uint8
        assert (found.image[0] == image_from_picture(small)).all()
        left, top, right, bottom = found.box
        assert found.ink is not None and found.ink.shape == (bottom - top, right - left)
        assert 0 <= left < right <= 240 and found.rejection_reason is None


def test_what_no_digit_looks_like_is_turned_down_unless_the_model_is_of_something_else() -> None:
    noise = Image.fromarray(hard_images()[8]).resize((200, 200))
    reason = prepare_digit(noise).rejection_reason
    assert reason is not None and reason.startswith("no digit found")
    assert MnistDigit(spec()).prepare(noise).rejection_reason == reason
    assert MnistDigit(spec(reject=True)).prepare(noise).rejection_reason == reason
    assert MnistDigit(spec(reject=False)).prepare(noise).rejection_reason is None


@pytest.mark.parametrize("parameters", [{"size": 28}, {"reject": 1}, {"reject": None}, {"reject": True, "x": 1}])
def test_parameters_that_it_does_not_have_are_told(parameters: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match="takes 'reject', true or false"):
        spec(**parameters)


@pytest.mark.parametrize(("channels", "height", "width"), [(3, 28, 28), (1, 32, 28), (1, 28, 27)])
def test_another_shape_is_told(channels: int, height: int, width: int) -> None:
    with pytest.raises(BadInput, match="makes 1 channel of 28x28"):
        InputSpec(
            channels=channels,
            height=height,
            width=width,
            mean=(0.1,) * channels,
            std=(0.3,) * channels,
            preprocess="mnist-digit",
        )
