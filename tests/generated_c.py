"""Networks made by hand, their C compiled, and their answers: many in one call of the compiler."""

import ctypes
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistx_export.codegen.network import Layer, Network, Operator, Quantization, Tensor
from mnistx_export.codegen.operators.normalize import Interleave, Normalize
from mnistx_export.codegen.operators.quantize import Dequantize
from mnistx_export.codegen.source import c_files

WARNINGS = ("-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror")
CC = shutil.which("cc") or "cc"

PIXEL = Quantization(0.05, 7)
"""How the image of `quantized_network` is read."""


def float_network(shape: tuple[int, int, int], *steps: tuple[Operator, tuple[int, ...]]) -> Network:
    """A chain behind the normalization of an image `(channels, height, width)`: operators and their outputs' shapes."""
    channels = np.zeros(shape[0], np.float32)
    return _chain(shape, None, Normalize(channels + np.float32(0.25), channels + np.float32(0.5)), steps, ())


def quantized_network(
    shape: tuple[int, int, int],
    *steps: tuple[Operator, tuple[int, ...]],
    quantizations: tuple[Quantization | None, ...],
) -> Network:
    """The same in bytes: the pixels are `PIXEL`, each step's output as it is said; bytes at the end become real."""
    return _chain(shape, PIXEL, Interleave(), steps, quantizations)


def _chain(
    shape: tuple[int, int, int],
    pixel: Quantization | None,
    first: Operator,
    steps: tuple[tuple[Operator, tuple[int, ...]], ...],
    quantizations: tuple[Quantization | None, ...],
) -> Network:
    image = Tensor("image", shape, Quantization(1.0, 0))
    last = Tensor("pixels", (*shape[1:], shape[0]), pixel)
    layers = [Layer("normalize", first, (image,), last)]
    for at, (operator, output) in enumerate(steps):
        found = Tensor(f"t{at}", output, quantizations[at] if quantizations else None)
        layers.append(Layer(f"layer {at}", operator, (last,), found))
        last = found
    if last.quantization:
        layers.append(Layer("real", Dequantize(), (last,), Tensor("real", last.shape)))
    return Network(image, tuple(layers))


def compile_c(
    networks: Mapping[str, Network], folder: Path, target: str = "portable", flags: tuple[str, ...] = ()
) -> ctypes.CDLL:
    """All networks in one library, without a warning; the names are their prefixes."""
    for name, network in networks.items():
        for path, data in c_files(network, name, target).items():
            if path.endswith((".c", ".h")) and "/" not in path:
                (folder / path).write_bytes(data)
        (folder / f"{name}_certificate.h").write_text("")
    sources = [f"{name}.c" for name in networks]
    selected = [f"-D{name.upper()}_NO_SELFTEST" for name in networks]
    library = folder / "all.so"
    call = [
        CC,
        "-std=c99",
        "-O1",
        *WARNINGS,
        *flags,
        *selected,
        "-fPIC",
        "-shared",
        *sources,
        "-lm",
        "-o",
        library.name,
    ]
    done = subprocess.run(call, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return ctypes.CDLL(str(library))


def answer(library: Any, name: str, network: Network, images: NDArray[np.uint8], workspace: int = 1 << 20) -> Any:
    """The answers, float32 `(N, numbers)`, to images `(N, channels, height, width)`."""
    answers = np.zeros((len(images), network.layers[-1].output.size), np.float32)
    memory = np.zeros(workspace + 16, np.uint8)
    place = memory.ctypes.data + -memory.ctypes.data % 16
    predict = getattr(library, f"{name}_predict")
    for image, row in zip(np.ascontiguousarray(images), answers, strict=True):
        assert predict(*map(ctypes.c_void_p, (image.ctypes.data, row.ctypes.data, place))) == 0
    return answers


def normalized(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """What `float_network` makes of images."""
    found: NDArray[np.float64] = (images / 255.0 - 0.25) / 0.5
    return found


def hwc(values: Any) -> NDArray[Any]:
    """`(N, channels, height, width)` as rows of numbers, as they lie in memory."""
    array = np.asarray(values)
    return array.transpose(0, 2, 3, 1).reshape(len(array), -1) if array.ndim == 4 else array


def to_bytes(values: NDArray[np.float32], quantization: Quantization) -> NDArray[np.int64]:
    """The bytes that real numbers were."""
    steps: NDArray[np.int64] = np.rint(values / quantization.scale).astype(np.int64)
    return steps + quantization.zero


def rescaled(sums: Any, multiplier: Any, shift: int) -> NDArray[np.int64]:
    """What the C function `rescale` gives, in whole numbers of any size."""
    whole = np.asarray(sums).astype(object) * np.asarray(multiplier).astype(object) + (1 << (shift - 1))
    return np.asarray(whole >> shift).astype(np.int64)
