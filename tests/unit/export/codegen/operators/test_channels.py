from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torchvision.models.shufflenetv2 import channel_shuffle

from generated_c import PIXEL, answer, compile_c, float_network, hwc, normalized, quantized_network, to_bytes
from mnistx_export.codegen.kernels import KERNELS
from mnistx_export.codegen.network import Layer, Quantization
from mnistx_export.codegen.network import Tensor as Place
from mnistx_export.codegen.node import Node
from mnistx_export.codegen.onnx_reader import network_from_onnx
from mnistx_export.codegen.operators.channels import Channels, read_reshape, read_split, read_transpose
from mnistx_export.formats.base import Conversion
from mnistx_export.formats.onnx import onnx_model
from mnistx_export.formats.onnx_int8 import ALL_OPERATORS, quantized_model
from mnistx_runtime.errors import BadInput
from mnistx_runtime.input_spec import InputSpec
from mnistx_train.evaluation.inference import DeployedModule

IMAGES = np.random.default_rng(1).integers(0, 256, (3, 6, 4, 5)).astype(np.uint8)


def node(shape: tuple[int, ...], *before: tuple[int, ...], first: int = 0, **attributes: Any) -> Node:
    return Node("n", "Op", (), {}, attributes, shape, before, first)


def test_channels_are_taken_and_shuffled_as_in_pytorch(tmp_path: Path) -> None:
    part = read_split(node((2, 4, 5), first=3, axis=1))
    shuffle = read_transpose(node((2, 3, 4, 5), (3, 2, 4, 5), perm=[0, 2, 1, 3, 4]))
    networks = {
        "part": float_network((6, 4, 5), (part, (4, 5, 2))),
        "shuffle": float_network((6, 4, 5), (shuffle, (4, 5, 6))),
        "part_of_bytes": quantized_network((6, 4, 5), (part, (4, 5, 2)), quantizations=(PIXEL,)),
    }
    library = compile_c(networks, tmp_path)
    x = torch.from_numpy(normalized(IMAGES))
    assert np.allclose(answer(library, "part", networks["part"], IMAGES), hwc(x[:, 3:5]), atol=1e-6)
    assert np.allclose(answer(library, "shuffle", networks["shuffle"], IMAGES), hwc(channel_shuffle(x, 3)), atol=1e-6)
    bytes_of = to_bytes(answer(library, "part_of_bytes", networks["part_of_bytes"], IMAGES), PIXEL)
    assert np.array_equal(bytes_of, hwc(IMAGES[:, 3:5]))


class Shuffled(nn.Module):
    """A unit of ShuffleNet V2, and a split of the row behind it."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.branch = nn.Conv2d(1, 8, 3), nn.Conv2d(4, 4, 3, padding=1)
        self.fc1, self.fc2 = nn.Linear(5, 4), nn.Linear(7, 3)

    def forward(self, x: Tensor) -> Tensor:
        left, right = self.stem(x).chunk(2, 1)
        x = channel_shuffle(torch.cat([left, torch.relu(self.branch(right))], 1), 2).mean((2, 3))
        first, second = torch.split(x, [5, 3], 1)
        answers: Tensor = self.fc2(torch.cat([self.fc1(first), second], 1))
        return answers


def test_a_shuffle_in_a_network_is_read_whole(tmp_path: Path) -> None:
    torch.manual_seed(0)
    spec = InputSpec(channels=1, height=8, width=9, mean=(0.4,), std=(0.3,))
    images = np.random.default_rng(0).integers(0, 256, (64, *spec.shape)).astype(np.uint8)
    conversion = Conversion(DeployedModule(Shuffled().eval(), spec, "logits").eval(), spec, calibration=images)
    with torch.inference_mode():
        expected = conversion.deployed(torch.from_numpy(images)).numpy()
    networks = {
        "real": network_from_onnx(onnx_model(conversion)),
        "whole": network_from_onnx(quantized_model(conversion, ALL_OPERATORS)),
    }
    for target in KERNELS:
        (tmp_path / target).mkdir()
        library = compile_c(networks, tmp_path / target, target)
        assert np.abs(answer(library, "real", networks["real"], images) - expected).max() < 1e-5, target
        assert np.abs(answer(library, "whole", networks["whole"], images) - expected).max() < 0.02, target


class Grouped(nn.Module):
    """Another layer reads planes while they are in groups."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(x.view(len(x), 2, 4, 8, 8)).flatten(1)


def test_planes_in_groups_are_only_shuffled() -> None:
    spec = InputSpec(channels=1, height=8, width=8, mean=(0.4,), std=(0.3,))
    module = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), Grouped(), nn.Linear(512, 2)).eval()
    conversion = Conversion(DeployedModule(module, spec, "logits").eval(), spec)
    with pytest.raises(BadInput, match=r"layer 'sigmoid' .Sigmoid.: its output is .2, 4, 8, 8., and only planes"):
        network_from_onnx(onnx_model(conversion))


@pytest.mark.parametrize(
    ("read", "given", "reason"),
    [
        (read_split, node((2, 4, 5), axis=2), "only channels can be split"),
        (read_transpose, node((4, 6, 5), (6, 4, 5), perm=[0, 2, 1, 3]), "only groups of planes"),
        (read_transpose, node((2, 3, 5, 4), (3, 2, 4, 5), perm=[0, 2, 1, 4, 3]), "only groups of planes"),
        (read_reshape, node((3, 2, 5, 4), (6, 4, 5)), "only channels can be put into groups"),
        (read_reshape, node((12, 10), (6, 4, 5)), "only flattening"),
    ],
)
def test_what_it_cannot_write_it_names(read: Any, given: Node, reason: str) -> None:
    with pytest.raises(BadInput, match=f"layer 'n' .Op.: {reason}"):
        read(given)


def test_bytes_of_another_scale_are_refused() -> None:
    x, y = Place("x", (4, 5, 6), PIXEL), Place("y", (4, 5, 2), Quantization(1.0, 0))
    with pytest.raises(BadInput, match="different scales"):
        Channels(0, 2).kernel(Layer("part", Channels(0, 2), (x,), y))
