from pathlib import Path

import numpy as np
import pytest

from generated_c import PIXEL, answer, compile_c, hwc, normalized, to_bytes
from mnistx_export.codegen.clamp import Clamp
from mnistx_export.codegen.network import Layer, Network, Quantization, Tensor
from mnistx_export.codegen.node import Node, Weights
from mnistx_export.codegen.operators.activation import bounds
from mnistx_export.codegen.operators.concatenate import Concatenate, read_concat
from mnistx_export.codegen.operators.normalize import Interleave, Normalize
from mnistx_export.codegen.operators.quantize import Dequantize
from mnistx_runtime.errors import BadInput

IMAGES = np.random.default_rng(4).integers(0, 256, (3, 2, 3, 4)).astype(np.uint8)
OTHER = Quantization(0.1, 30)


def doubled(quantized: bool) -> Network:
    """The image beside what of it is above 0."""
    image = Tensor("image", (2, 3, 4), Quantization(1.0, 0))
    pixels = Tensor("pixels", (3, 4, 2), PIXEL if quantized else None)
    above = Tensor("above", (3, 4, 2), OTHER if quantized else None)
    both = Tensor("both", (3, 4, 4), OTHER if quantized else None)
    first = Interleave() if quantized else Normalize(np.full(2, 0.25, np.float32), np.full(2, 0.5, np.float32))
    layers = [
        Layer("first", first, (image,), pixels),
        Layer("above", bounds(Clamp(0)), (pixels,), above),
        Layer("both", Concatenate(), (pixels, above), both),
    ]
    if quantized:
        layers.append(Layer("real", Dequantize(), (both,), Tensor("real", both.shape)))
    return Network(image, tuple(layers))


def test_channels_lie_side_by_side(tmp_path: Path) -> None:
    networks = {"real": doubled(False), "bytes": doubled(True)}
    library = compile_c(networks, tmp_path)
    x = normalized(IMAGES)
    expected = hwc(np.concatenate([x, x.clip(0)], 1))
    assert np.abs(answer(library, "real", networks["real"], IMAGES) - expected).max() < 1e-6
    x = (IMAGES.astype(np.float64) - PIXEL.zero) * PIXEL.scale
    steps = np.floor(hwc(np.concatenate([x, x.clip(0)], 1)) / OTHER.scale + 0.5)
    got = to_bytes(answer(library, "bytes", networks["bytes"], IMAGES), OTHER)
    assert np.abs(got - np.clip(steps + OTHER.zero, 0, 255)).max() <= 1


def test_what_it_cannot_write_it_names() -> None:
    weights = {1: Weights(np.zeros(1, np.float32))}
    with pytest.raises(BadInput, match=r"layer 'cat' .Concat.: only channels"):
        read_concat(Node("cat", "Concat", (), {}, {"axis": 2}, (4, 2, 2), ()))
    with pytest.raises(BadInput, match="only channels"):
        read_concat(Node("cat", "Concat", (), weights, {"axis": 1}, (4, 2, 2), ()))
    assert read_concat(Node("cat", "Concat", (), {}, {"axis": -3}, (4, 2, 2), ())) == Concatenate()
    x, y = Tensor("x", (2, 2, 1), PIXEL), Tensor("y", (2, 2, 1))
    with pytest.raises(BadInput, match="quantized in part"):
        Concatenate().kernel(Layer("cat", Concatenate(), (x, y), Tensor("z", (2, 2, 2))))
