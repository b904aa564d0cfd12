from pathlib import Path

import numpy as np
import pytest
import torch

from generated_c import answer, compile_c, float_network, normalized
from mnistx_export.codegen.node import Node
from mnistx_export.codegen.operators.log_softmax import read_log_softmax, read_softmax
from mnistx_export.codegen.operators.normalize import Normalize
from mnistx_runtime.errors import BadInput

NODE = Node("last", "Softmax", (), {}, {}, (6,), ((6,),))


def test_it_computes_what_pytorch_does(tmp_path: Path) -> None:
    images = np.random.default_rng(7).integers(0, 256, (5, 1, 1, 6)).astype(np.uint8)
    networks = {
        "log": float_network((1, 1, 6), (read_log_softmax(NODE), (6,))),
        "share": float_network((1, 1, 6), (read_softmax(NODE), (6,))),
    }
    library = compile_c(networks, tmp_path)
    x = torch.from_numpy(normalized(images).reshape(5, -1))
    assert np.abs(answer(library, "log", networks["log"], images) - x.log_softmax(1).numpy()).max() < 1e-6
    assert np.abs(answer(library, "share", networks["share"], images) - x.softmax(1).numpy()).max() < 1e-6


def test_large_numbers_stay_finite(tmp_path: Path) -> None:
    network = float_network((1, 1, 6), (read_log_softmax(NODE), (6,)))
    first = network.layers[0]
    wide = Normalize(np.zeros(1, np.float32), np.full(1, 1e-5, np.float32))
    steep = type(network)(network.image, (type(first)(first.name, wide, first.inputs, first.output), network.layers[1]))
    images = np.array([[[[0, 255, 3, 4, 5, 6]]]], np.uint8)
    got = answer(compile_c({"steep": steep}, tmp_path), "steep", steep, images)
    assert np.isfinite(got).all()
    assert got[0].max() == 0


def test_planes_are_refused() -> None:
    with pytest.raises(BadInput, match="only a row"):
        read_softmax(Node("last", "Softmax", (), {}, {}, (6, 2, 2), ((6, 2, 2),)))
