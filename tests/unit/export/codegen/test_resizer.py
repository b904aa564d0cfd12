"""`resize` in C beside the one in Python."""

import ctypes
import re
import shutil
import subprocess
from typing import Any

import numpy as np
import pytest
from PIL import Image

from generated_c import CC, WARNINGS
from mnistx_export.codegen.resizer import resizer_files
from mnistx_runtime import InputSpec
from mnistx_runtime.artifact.c_check import check_c
from mnistx_runtime.preprocess import preprocess_for

pytestmark = pytest.mark.skipif(not shutil.which(CC), reason="a C compiler is missing: apt install gcc")

CASES: dict[str, tuple[tuple[int, int, int], dict[str, Any]]] = {
    "grey": ((1, 20, 31), {"interpolation": "box"}),
    "colour": ((3, 24, 17), {}),
    "shorter": ((3, 20, 20), {"mode": "shorter", "size": 27, "interpolation": "bicubic"}),
    "padded": ((1, 28, 19), {"mode": "shorter", "size": 12}),
    "fitted": ((3, 9, 30), {"mode": "shorter"}),
}
SIZES = [(1, 1), (20, 31), (33, 12), (12, 130), (141, 15), (97, 64), (27, 27), (300, 2), (2, 200), (160, 151)]


def spec(name: str, **other: Any) -> InputSpec:
    """Of a case; with other parameters where some are given."""
    (channels, height, width), parameters = CASES[name]
    return InputSpec(
        channels=channels,
        height=height,
        width=width,
        mean=(0.5,) * channels,
        std=(0.5,) * channels,
        preprocess="resize",
        parameters=other or parameters,
    )


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, dict[str, int]]:
    """All cases, and their workspaces' bytes."""
    folder = tmp_path_factory.mktemp("resizer")
    sizes = {}
    for name in CASES:
        (channels, height, width), _ = CASES[name]
        lines = [
            f"#define {name.upper()}_{key} {value}"
            for key, value in zip(("CHANNELS", "HEIGHT", "WIDTH"), (channels, height, width), strict=True)
        ]
        (folder / f"{name}.h").write_text("#include <stdint.h>\n" + "\n".join(lines) + "\n")
        for path, data in resizer_files(spec(name), name).items():
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).write_bytes(data)
        sizes[name] = int(re.findall(r"_WORKSPACE_BYTES (\d+)", (folder / f"{name}_read.h").read_text())[0])
    flags = ["-std=c99", "-O1", *WARNINGS, "-fsanitize=undefined", "-fno-sanitize-recover=all", "-fPIC", "-shared"]
    call = [CC, *flags, *(f"{name}_read.c" for name in CASES), "-o", "all.so"]
    done = subprocess.run(call, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return ctypes.CDLL(str(folder / "all.so")), sizes


def read(library: tuple[Any, dict[str, int]], name: str, pixels: Any) -> tuple[int, Any]:
    image = np.full(CASES[name][0], 7, np.uint8)
    memory = np.full(library[1][name] + 16, 0xA5, np.uint8)
    place = memory.ctypes.data + -memory.ctypes.data % 16
    height, width = pixels.shape[:2]
    status = getattr(library[0], f"{name}_read")(
        ctypes.c_void_p(pixels.ctypes.data),
        ctypes.c_int32(width),
        ctypes.c_int32(height),
        *map(ctypes.c_void_p, (image.ctypes.data, place)),
    )
    return status, image


@pytest.mark.parametrize("name", CASES)
def test_images_are_those_of_python_byte_for_byte(name: str, library: tuple[Any, dict[str, int]]) -> None:
    channels = CASES[name][0][0]
    preprocess = preprocess_for(spec(name))
    for size in SIZES:
        random = np.random.default_rng(size)
        noise = random.integers(0, 256, (*size, channels), np.uint8)
        smooth = np.add.outer(np.arange(size[0]) * 2, np.arange(size[1]) * 3)[:, :, None] + np.arange(channels) * 50
        for pixels in (noise, smooth.astype(np.uint8), np.where(noise > 127, 255, 0).astype(np.uint8)):
            picture = Image.fromarray(pixels[:, :, 0] if channels == 1 else pixels)
            status, image = read(library, name, np.ascontiguousarray(pixels))
            assert status == 0
            assert (image == preprocess.prepare(picture).image).all()


def test_what_is_too_large_or_nothing_is_refused(library: tuple[Any, dict[str, int]]) -> None:
    assert read(library, "grey", np.zeros((1, 5000), np.uint8))[0] == -2
    assert read(library, "grey", np.zeros((0, 5), np.uint8))[0] == -1
    assert read(library, "padded", np.zeros((1, 4096), np.uint8))[0] == 0


@pytest.mark.parametrize(
    "parameters", [{"antialias": False}, {"interpolation": "lanczos"}, {"interpolation": "nearest"}]
)
def test_other_filters_are_in_python_alone(parameters: dict[str, Any]) -> None:
    assert resizer_files(spec("colour", **parameters), "net") == {}


def test_it_is_c_that_a_folder_may_hold() -> None:
    files = resizer_files(spec("shorter"), "net")
    del files["example/picture.c"]
    check_c(files | {"net.h": b"#include <stdint.h>\n"}, "net", "net.c99")
