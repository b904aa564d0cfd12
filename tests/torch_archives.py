"""A small model in the formats of PyTorch, sealed as export seals them, whatever export does."""

import io
import warnings
from pathlib import Path

import numpy as np
import torch
from torch import nn

from mnistx_runtime.artifact.archive import read_archive, write_archive
from mnistx_runtime.artifact.certificate import Certificate
from mnistx_runtime.artifact.container import open_artifact, seal
from mnistx_runtime.bundled import BUNDLED
from seal_bundled import seal_bundled

IMAGES = np.random.default_rng(1).integers(0, 256, (70, 1, 28, 28)).astype(np.uint8)


class Linear(nn.Module):
    """A linear layer of pixels, with a constant in its code."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(784, 10)
        nn.init.constant_(self.fc.weight, 1e-4)
        self.fc.bias.data = torch.arange(10.0)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.log_softmax(self.fc(images.float().flatten(1) / 255.0), 1)


def write_torch(path: Path) -> Path:
    """The model as a .torchscript or a .pt2 file."""
    module, file = Linear().eval(), io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        example = (torch.zeros((2, 1, 28, 28), dtype=torch.uint8),)
        if path.suffix == ".pt2":
            batch = torch.export.Dim("batch", min=1, max=4096)
            torch.export.save(torch.export.export(module, example, dynamic_shapes=({0: batch},)), file)
        else:
            torch.jit.save(torch.jit.freeze(torch.jit.trace(module, example)), file)  # type: ignore[no-untyped-call]
    with torch.inference_mode():
        answers = module(torch.from_numpy(IMAGES[:4])).numpy()
    metadata = open_artifact(seal_bundled(path.with_name("bundled.onnx"))).metadata
    payload = {path.suffix: plain_archive(file.getvalue())}
    path.write_bytes(seal(path.suffix, payload, metadata, Certificate(IMAGES[:4], answers))[path.suffix])
    assert open_artifact(BUNDLED).metadata.names == metadata.names
    return path


def plain_archive(data: bytes) -> bytes:
    """An archive of torch's as export writes it: without sample inputs and traces."""
    entries = {name: each for name, each in read_archive(data, "torch's archive").items() if "debug_pkl" not in name}
    return write_archive({name: b"" if "/sample_inputs/" in name else each for name, each in entries.items()})


def expected() -> np.ndarray:
    """The model's answers to `IMAGES`."""
    with torch.inference_mode():
        found: np.ndarray = Linear().eval()(torch.from_numpy(IMAGES)).numpy()
        return found
