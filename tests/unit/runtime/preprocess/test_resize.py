import json
import os
import platform
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torchvision import transforms as v1
from torchvision.transforms import InterpolationMode, v2

from mnistx_runtime.errors import BadInput
from mnistx_runtime.preprocess import resize
from mnistx_runtime.preprocess.resize import Resize, resize_picture

Pixels = NDArray[np.uint8]

MODES: dict[int, str] = {1: "L", 3: "RGB"}
EXACT: dict[str, Any] = {"mode": "exact"}
SHORTER: dict[str, Any] = {"mode": "shorter"}
FILTERS = ["nearest", "bilinear", "bicubic", "box", "hamming", "lanczos"]
WITHOUT_ANTIALIAS = ["nearest", "bilinear", "bicubic"]
SIZES = [(1, 1), (1, 9), (9, 1), (2, 3), (5, 4), (28, 28), (57, 31), (48, 64), (37, 100), (150, 37), (113, 112)]
LARGER = [(224, 224), (256, 341), (300, 700), (700, 300), (481, 640), (13, 390), (390, 13)]
CROPS = [(28, 28), (32, 24), (33, 47), (7, 50)]

needs_integers = pytest.mark.skipif(
    torch.backends.cpu.get_cpu_capability() not in ("AVX2", "AVX512")
    and platform.machine() not in ("aarch64", "arm64"),
    reason="torchvision scales uint8 tensors in float32 on this CPU",
)


def draw_pictures(sizes: list[tuple[int, int]], seed: int = 0) -> Iterator[Image.Image]:
    """Noise, black and white noise, a gradient and a bright texture of each size, (width, height)."""
    random = np.random.default_rng(seed)
    for width, height in sizes:
        noise = random.integers(0, 256, (height, width, 3), np.uint8)
        yield Image.fromarray(noise)
        yield Image.fromarray((noise > 127) * np.uint8(255))
        yield Image.fromarray(np.linspace(0, 255, noise.size).reshape(noise.shape).astype(np.uint8))
        yield Image.fromarray(noise // 8 + np.uint8(200))


def real_pictures() -> list[Image.Image]:
    folder = Path(os.environ.get("MNISTX_DATA") or "nowhere", "pictures")
    if not folder.is_dir():
        pytest.skip("there is no folder pictures in the folder that MNISTX_DATA names")
    return [Image.open(path) for path in sorted(folder.rglob("*")) if path.suffix in (".jpg", ".png")]


def sizes_of(height: int, width: int, parameters: Resize) -> list[Any]:
    """What torchvision's Resize takes."""
    return [height, width] if parameters.mode == "exact" else [parameters.size or max(height, width)]


def torchvisions(versions: Any, image: Any, height: int, width: int, parameters: Resize, **options: Any) -> Pixels:
    """What torchvision makes of a PIL image or of a tensor."""
    method = InterpolationMode(parameters.interpolation)
    scale = versions.Resize(sizes_of(height, width, parameters), method, **options)
    steps = [scale] if parameters.mode == "exact" else [scale, versions.CenterCrop((height, width))]
    made = versions.Compose(steps)(image)
    return np.asarray(made if isinstance(made, torch.Tensor) else v2.functional.pil_to_tensor(made))


def convert(picture: Image.Image, channels: int) -> Image.Image:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return picture.convert(MODES[channels])


def check_filtered(picture: Image.Image, height: int, width: int, parameters: Resize) -> None:
    for channels in (1, 3):
        image = resize_picture(picture, channels, height, width, parameters)
        converted = convert(picture, channels)
        assert image.shape == (channels, height, width) and image.dtype == np.uint8
        assert (image == torchvisions(v1, converted, height, width, parameters)).all()
        assert (image == torchvisions(v2, converted, height, width, parameters)).all()


def check_interpolated(picture: Image.Image, height: int, width: int, parameters: Resize) -> None:
    for channels in (1, 3):
        image = resize_picture(picture, channels, height, width, parameters)
        tensor = v2.functional.pil_to_tensor(convert(picture, channels))
        for layout in (tensor, tensor.contiguous()):
            expected = torchvisions(v2, layout, height, width, parameters, antialias=False)
            assert (image == expected).all()


@pytest.mark.parametrize("interpolation", FILTERS)
@pytest.mark.parametrize("how", [EXACT, SHORTER, {"mode": "shorter", "size": 20}, {"mode": "shorter", "size": 51}])
def test_the_bytes_are_torchvisions_on_pil_images(how: dict[str, Any], interpolation: str) -> None:
    parameters = Resize(**how, interpolation=interpolation)
    for number, picture in enumerate(draw_pictures(SIZES)):
        check_filtered(picture, *CROPS[number % len(CROPS)], parameters)


@needs_integers
@pytest.mark.parametrize("interpolation", WITHOUT_ANTIALIAS)
@pytest.mark.parametrize("how", [EXACT, SHORTER, {"mode": "shorter", "size": 20}, {"mode": "shorter", "size": 51}])
def test_without_antialias_the_bytes_are_those_of_v2_on_tensors(how: dict[str, Any], interpolation: str) -> None:
    parameters = Resize(**how, interpolation=interpolation, antialias=False)
    for number, picture in enumerate(draw_pictures(SIZES)):
        check_interpolated(picture, *CROPS[number % len(CROPS)], parameters)


@needs_integers
@pytest.mark.parametrize("interpolation", WITHOUT_ANTIALIAS)
def test_without_antialias_every_pair_of_lengths_gives_torchvisions_bytes(interpolation: str) -> None:
    random = np.random.default_rng(0)
    parameters = Resize(interpolation=interpolation, antialias=False)
    for before in [*range(1, 20), 28, 37, 97, 255, 500]:
        picture = Image.fromarray(random.integers(0, 256, (before, 3), np.uint8))
        for after in [*range(1, 20), 28, 64, 100, 224]:
            tensor = v2.functional.pil_to_tensor(picture)
            expected = torchvisions(v2, tensor, after, 5, parameters, antialias=False)
            assert (resize_picture(picture, 1, after, 5, parameters) == expected).all()


@needs_integers
@pytest.mark.parametrize("interpolation", WITHOUT_ANTIALIAS)
def test_without_antialias_long_sides_give_torchvisions_bytes(interpolation: str) -> None:
    parameters = Resize(interpolation=interpolation, antialias=False)
    for tall, wide in zip(draw_pictures([(3, 100_003)]), draw_pictures([(250_007, 2)]), strict=True):
        check_interpolated(tall, 4_999, 7, parameters)
        check_interpolated(wide, 5, 8_191, parameters)


def test_crops_begin_and_end_where_torchvisions_do() -> None:
    for picture in draw_pictures([(9, 7), (4, 9), (10, 10)]):
        parameters = Resize(mode="shorter", size=min(picture.size))
        for height in range(1, 13):
            for width in range(1, 13):
                expected = torchvisions(v1, picture, height, width, parameters)
                assert (resize_picture(picture, 3, height, width, parameters) == expected).all()


@pytest.mark.slow
@pytest.mark.parametrize("interpolation", FILTERS)
def test_the_bytes_of_larger_pictures_are_torchvisions_on_pil_images(interpolation: str) -> None:
    for picture in draw_pictures(LARGER):
        for how in (EXACT, SHORTER, {"mode": "shorter", "size": 256}):
            check_filtered(picture, 224, 224, Resize(**how, interpolation=interpolation))
            check_filtered(picture, 97, 131, Resize(**how, interpolation=interpolation))


@pytest.mark.slow
@needs_integers
@pytest.mark.parametrize("interpolation", WITHOUT_ANTIALIAS)
def test_the_bytes_of_larger_pictures_are_those_of_v2_on_tensors(interpolation: str) -> None:
    for picture in draw_pictures(LARGER):
        for how in (EXACT, SHORTER, {"mode": "shorter", "size": 256}):
            check_interpolated(picture, 224, 224, Resize(**how, interpolation=interpolation, antialias=False))
            check_interpolated(picture, 97, 131, Resize(**how, interpolation=interpolation, antialias=False))


@pytest.mark.slow
@pytest.mark.parametrize("interpolation", FILTERS)
def test_the_bytes_of_real_pictures_are_torchvisions(interpolation: str) -> None:
    for picture in real_pictures():
        for how in (EXACT, SHORTER, {"mode": "shorter", "size": 40}):
            check_filtered(picture, 28, 28, Resize(**how, interpolation=interpolation))
        check_filtered(picture, 64, 48, Resize(interpolation=interpolation))


@pytest.mark.slow
@needs_integers
@pytest.mark.parametrize("interpolation", WITHOUT_ANTIALIAS)
def test_the_bytes_of_real_pictures_are_those_of_v2_on_tensors(interpolation: str) -> None:
    for picture in real_pictures():
        for how in (EXACT, SHORTER, {"mode": "shorter", "size": 40}):
            check_interpolated(picture, 28, 28, Resize(**how, interpolation=interpolation, antialias=False))
        check_interpolated(picture, 64, 48, Resize(interpolation=interpolation, antialias=False))


def shrinks_the_height_first(picture: Image.Image, height: int, width: int) -> bool:
    """Whether Pillow 13 scales the height before the width; PyTorch and earlier ones never do."""
    return picture.height > height and picture.height - height > 2 * (picture.width - width)


@needs_integers
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "lanczos"])
def test_antialias_on_tensors_differs_by_at_most_2_levels(interpolation: str) -> None:
    parameters = Resize(interpolation=interpolation)
    differing = values = 0
    for picture in draw_pictures([*SIZES, (224, 224), (256, 341)]):
        for height, width in (*CROPS, (97, 131)):
            if shrinks_the_height_first(picture, height, width):
                continue
            tensor = v2.functional.pil_to_tensor(picture)
            expected = torchvisions(v2, tensor, height, width, parameters, antialias=True).astype(int)
            difference = np.abs(resize_picture(picture, 3, height, width, parameters) - expected)
            assert difference.max() <= 2
            differing, values = differing + int((difference > 0).sum()), values + difference.size
    assert 0 < differing < 0.02 * values


@pytest.mark.parametrize("interpolation", ["bilinear", "box"])
def test_the_order_of_pillow_s_passes_changes_a_tall_picture_by_at_most_1_level(interpolation: str) -> None:
    method = Image.Resampling[interpolation.upper()]
    for picture in draw_pictures([(40, 150), (100, 300)]):
        image = resize_picture(picture, 3, 28, 28, Resize(interpolation=interpolation)).astype(int)
        width_first = picture.resize((28, picture.height), method).resize((28, 28), method)
        assert np.abs(image - np.asarray(width_first).transpose(2, 0, 1)).max() <= 1


def picture_of(mode: str, transparency: Any = None) -> Image.Image:
    random = np.random.default_rng(1)
    if mode.startswith("I;16"):
        picture = Image.fromarray(random.integers(0, 600, (40, 50), np.uint16))
    elif mode in ("I", "F"):
        picture = Image.fromarray(random.integers(-50, 400, (40, 50)).astype(np.int32 if mode == "I" else np.float32))
    else:
        bands = {"LA": "LA", "PA": "RGBA", "RGBA": "RGBA", "RGBa": "RGBA", "CMYK": "CMYK"}.get(mode, "RGB")
        noise = random.integers(0, 256, (40, 50, len(bands)), np.uint8)
        picture = Image.fromarray(noise) if bands in ("RGB", "RGBA", "LA") else Image.frombytes(bands, (50, 40), noise)
        picture = picture.convert(mode)
        if mode == "PA":  # not every Pillow keeps it
            picture.putalpha(Image.fromarray(noise[..., 3]))
    if transparency is not None:
        picture.info["transparency"] = transparency
    if isinstance(transparency, int | tuple):
        picture.paste(transparency, (0, 0, 20, 30))
    assert picture.mode == mode
    return picture


COLOURS = ["1", "L", "P", "RGB", "RGBA", "LA", "PA", "RGBX", "CMYK", "YCbCr", "HSV", "I", "F", "I;16"]
TRANSPARENT = [
    *(("P", bytes(range(256))), ("P", 7), ("L", 9), ("1", 255), ("RGB", (1, 2, 3)), ("I;16", 300)),
    *(("RGBA", None), ("LA", None), ("PA", None)),
]


@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize(("mode", "transparency"), [*((mode, None) for mode in COLOURS), *TRANSPARENT])
def test_every_mode_is_read_as_pillow_converts_it(mode: str, transparency: Any, antialias: bool) -> None:
    parameters = Resize(antialias=antialias)
    picture = picture_of(mode, transparency)
    for channels in (1, 3):
        image = resize_picture(picture, channels, 28, 28, parameters)
        assert (image == resize_picture(convert(picture, channels), channels, 28, 28, parameters)).all()
    if antialias:
        check_filtered(picture, 28, 28, parameters)
    assert picture.mode == mode and picture.info.get("transparency") == transparency


@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize(("mode", "transparency"), TRANSPARENT)
def test_the_background_shows_through_what_is_transparent(mode: str, transparency: Any, antialias: bool) -> None:
    picture = picture_of(mode, transparency)
    ground = np.array([10, 250, 130])
    parameters = Resize(antialias=antialias, background=(10, 250, 130))
    layers = np.asarray(picture.convert("RGBA")).astype(int)
    alpha = layers[..., 3:]
    assert (alpha < 255).any()
    blended = np.round((layers[..., :3] * alpha + ground * (255 - alpha)) / 255).astype(np.uint8)
    for channels in (1, 3):
        behind = Image.fromarray(blended).convert(MODES[channels])
        for size in ((40, 50), (28, 28)):
            expected = resize_picture(behind, channels, *size, Resize(antialias=antialias))
            assert (resize_picture(picture, channels, *size, parameters) == expected).all()


def test_a_background_changes_no_opaque_picture() -> None:
    for mode in ("L", "P", "RGB", "CMYK", "I;16"):
        picture = picture_of(mode)
        image = resize_picture(picture, 3, 28, 28, Resize(background=(10, 250, 130)))
        assert (image == resize_picture(picture, 3, 28, 28, Resize())).all()


@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize("mode", ["P", "RGBA", "CMYK"])
def test_strips_are_joined_without_a_seam(mode: str, antialias: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = picture_of(mode)
    parameters = Resize(antialias=antialias, background=(0, 99, 255), interpolation="bicubic")
    whole = resize_picture(picture, 3, 31, 28, parameters)
    for pixels in (1, 50, 333, 1999):
        monkeypatch.setattr(resize, "_STRIP", pixels)
        assert (resize_picture(picture, 3, 31, 28, parameters) == whole).all()


@pytest.mark.parametrize("orientation", range(10))
def test_a_picture_is_turned_as_the_camera_says_only_if_asked(orientation: int) -> None:
    picture = next(draw_pictures([(40, 30)]))
    picture.getexif()[0x0112] = orientation
    turned = ImageOps.exif_transpose(picture)
    for antialias in (True, False):
        image = resize_picture(picture, 3, 28, 24, Resize(antialias=antialias, upright=True))
        assert (image == resize_picture(turned, 3, 28, 24, Resize(antialias=antialias))).all()
    check_filtered(picture, 28, 24, Resize())


def test_the_image_is_the_caller_s_to_change() -> None:
    picture = Image.new("RGB", (28, 28), "red")
    for antialias in (True, False):
        image = resize_picture(picture, 3, 28, 28, Resize(antialias=antialias))
        assert image.flags.c_contiguous and image.flags.owndata
        image[:] = 0
        assert picture.getpixel((0, 0)) == (255, 0, 0)


@pytest.mark.parametrize(
    "parameters",
    [
        Resize(),
        Resize(mode="shorter", size=256, interpolation="bicubic", antialias=False, upright=True),
        Resize(background=(255, 0, 7), interpolation="lanczos"),
    ],
)
def test_parameters_survive_json(parameters: Resize) -> None:
    assert Resize.from_dict(json.loads(json.dumps(parameters.to_dict()))) == parameters
    assert hash(parameters) == hash(Resize.from_dict(parameters.to_dict()))
    assert Resize.from_dict({}) == Resize()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"mode": "longer"}, "mode is 'longer'; allowed is exact or shorter"),
        ({"mode": None}, "mode is None"),
        ({"mode": ["exact"]}, r"mode is \['exact'\]"),
        ({"mode": "shorter", "size": 0}, "size is 0; allowed is 1..8192 or None"),
        ({"mode": "shorter", "size": 8193}, "size is 8193"),
        ({"mode": "shorter", "size": 256.0}, "size is 256.0"),
        ({"mode": "shorter", "size": True}, "size is True"),
        ({"size": 256}, "size is 256; allowed is None in mode exact"),
        ({"interpolation": "cubic"}, "interpolation is 'cubic'; allowed is one of nearest, bilinear, bicubic, box"),
        ({"interpolation": "lanczos", "antialias": False}, "'lanczos'; allowed is .*bicubic without antialias"),
        ({"interpolation": {}}, "interpolation is {}"),
        ({"antialias": 1}, "antialias is 1; allowed is True or False"),
        ({"background": [0, 0]}, r"background is \(0, 0\); allowed is red, green and blue, each 0..255"),
        ({"background": [0, 0, 256]}, "background is"),
        ({"background": [0, 0, 1.5]}, "background is"),
        ({"background": "red"}, "background is 'red'"),
        ({"background": 0}, "background is 0"),
        ({"upright": "yes"}, "upright is 'yes'; allowed is True or False"),
        ({"antialiased": True}, "no parameter 'antialiased'; did you mean 'antialias'"),
        ({3: True}, "no parameter 3; known: mode, size"),
        ([], r"names with values, not \[\]"),
    ],
)
def test_parameters_that_are_not_allowed_are_named(values: Any, said: str) -> None:
    with pytest.raises(BadInput, match=said) as caught:
        Resize.from_dict(values)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("channels", "height", "width", "said"),
    [(2, 28, 28, "channels is 2"), (3, 0, 28, "height is 0"), (3, 28, 8193, "width is 8193; allowed is 1..8192")],
)
def test_images_that_no_classifier_reads_are_refused(channels: int, height: int, width: int, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        resize_picture(Image.new("L", (9, 9)), channels, height, width, Resize())


@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize("size", [(1, 65_500), (65_500, 1), (1, 10_000_000), (10_000_000, 1)])
def test_a_picture_so_narrow_that_it_would_fill_the_memory_is_refused(size: tuple[int, int], antialias: bool) -> None:
    with pytest.raises(BadInput, match=f"scale {size[0]}x{size[1]} pixels to .* takes too much memory"):
        resize_picture(Image.new("L", size), 1, 224, 224, Resize(mode="shorter", antialias=antialias))


def test_pictures_that_pillow_cannot_convert_are_refused() -> None:
    for parameters in (Resize(), Resize(antialias=False)):
        with pytest.raises(BadInput, match="can't convert a picture of mode LAB to L"):
            resize_picture(Image.new("LAB", (9, 9)), 1, 28, 28, parameters)
        with pytest.raises(BadInput, match="no pixels"):
            resize_picture(Image.new("L", (0, 9)), 1, 28, 28, parameters)


PEAK = """
import resource, sys
from PIL import Image
from mnistx_runtime.preprocess.resize import Resize, resize_picture
picture = Image.new(sys.argv[1], (17_000, 10_000))
picture.info["transparency"] = 0
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
resize_picture(picture, 3, 224, 224, Resize(mode="shorter", antialias=sys.argv[2] == "True", background=(1, 2, 3)))
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 / (17_000 * 10_000))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="other systems give the peak of memory in other units")
@pytest.mark.parametrize(("antialias", "bytes_a_pixel"), [(True, 4), (False, 0)])
def test_of_170_megapixels_at_most_one_copy_is_made(antialias: bool, bytes_a_pixel: int) -> None:
    command = [sys.executable, "-c", PEAK, "P", str(antialias)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert float(answer) < bytes_a_pixel + 0.6  # 0.6 bytes a pixel are 100 MB: the strips and their conversions
