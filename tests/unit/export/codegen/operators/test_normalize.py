from pathlib import Path

import numpy as np

from generated_c import PIXEL, answer, compile_c, hwc, to_bytes
from mnistx_export.codegen.network import Layer, Network, Operator, Quantization, Tensor
from mnistx_export.codegen.operators.normalize import Interleave, Normalize
from mnistx_export.codegen.operators.quantize import Dequantize

IMAGES = np.random.default_rng(8).integers(0, 256, (2, 3, 4, 5)).astype(np.uint8)
MEAN, STD = np.array([0.4, 0.5, 0.6], np.float32), np.array([0.2, 0.25, 0.3], np.float32)


def network_of(operator: Operator, channels: int, quantization: Quantization | None = None) -> Network:
    image = Tensor("image", (channels, 4, 5), Quantization(1.0, 0))
    pixels = Tensor("pixels", (4, 5, channels), quantization)
    layers = [Layer("first", operator, (image,), pixels)]
    if quantization:
        layers.append(Layer("real", Dequantize(), (pixels,), Tensor("real", pixels.shape)))
    return Network(image, tuple(layers))


def test_pixels_are_normalized_as_pytorch_does_it_bit_by_bit(tmp_path: Path) -> None:
    networks = {
        "colour": network_of(Normalize(MEAN, STD), 3),
        "alike": network_of(Normalize(MEAN[[0, 0, 0]], STD[[0, 0, 0]]), 3),
        "grey": network_of(Normalize(MEAN[:1], STD[:1]), 1),
    }
    library = compile_c(networks, tmp_path)
    shares = IMAGES.astype(np.float32) / np.float32(255)
    expected = {
        "colour": hwc((shares - MEAN[:, None, None]) / STD[:, None, None]),
        "alike": hwc((shares - MEAN[0]) / STD[0]),
        "grey": hwc((shares[:, :1] - MEAN[0]) / STD[0]),
    }
    for name, network in networks.items():
        images = IMAGES[:, :1] if name == "grey" else IMAGES
        assert np.array_equal(answer(library, name, network, images), expected[name]), name


def test_bytes_come_from_a_table_or_are_the_pixels(tmp_path: Path) -> None:
    target = Quantization(0.02, 100)
    networks = {
        "colour": network_of(Normalize(MEAN, STD), 3, target),
        "grey": network_of(Normalize(MEAN[:1], STD[:1]), 1, target),
        "raw": network_of(Interleave(), 3, PIXEL),
        "raw_grey": network_of(Interleave(), 1, PIXEL),
    }
    library = compile_c(networks, tmp_path)
    real = (IMAGES / 255 - MEAN[:, None, None]) / STD[:, None, None]
    expected = hwc(np.clip(np.floor(real / target.scale + 0.5) + target.zero, 0, 255))
    assert np.abs(to_bytes(answer(library, "colour", networks["colour"], IMAGES), target) - expected).max() <= 1
    grey = to_bytes(answer(library, "grey", networks["grey"], IMAGES[:, :1]), target)
    assert np.abs(grey - expected[:, ::3]).max() <= 1
    assert np.array_equal(to_bytes(answer(library, "raw", networks["raw"], IMAGES), PIXEL), hwc(IMAGES))
    got = to_bytes(answer(library, "raw_grey", networks["raw_grey"], IMAGES[:, :1]), PIXEL)
    assert np.array_equal(got, hwc(IMAGES[:, :1]))
