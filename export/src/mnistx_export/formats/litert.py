"""LiteRT's flatbuffer, which was TensorFlow Lite's; metadata in a zip archive after it. Batch 1."""

import tempfile
from pathlib import Path

import torch
from torch import nn

from mnistx_export.deployed import example
from mnistx_export.formats import Files, Format, Options
from mnistx_runtime.artifact.metadata import INPUT, OUTPUT
from mnistx_runtime.artifact.seal import appended
from mnistx_runtime.quiet import quiet


class Named(nn.Module):
    """The module with named input and output, which the file keeps."""

    def __init__(self, layers: nn.Module) -> None:
        """Keep the module to deploy."""
        super().__init__()
        self.layers = layers

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        """Log-probabilities `(N, classes)` of uint8 images `(N, 1, 28, 28)`, by name."""
        return {OUTPUT: self.layers(image)}


def litert_from_module(module: nn.Module, props: dict[str, str], options: Options) -> Files:  # noqa: ARG001
    """One file.

    Args:
        module: from uint8 `(N, 1, 28, 28)` to `(N, classes)`.
        props: what goes into the archive.
        options: none apply.
    """
    return {".tflite": appended(flatbuffer(module), props)}


def flatbuffer(module: nn.Module) -> bytes:
    """The model alone."""
    with tempfile.TemporaryDirectory() as folder, quiet():
        import litert_torch

        path = Path(folder) / "model.tflite"
        litert_torch.convert(Named(module).eval(), sample_kwargs={INPUT: example(1)}).export(str(path))
        return path.read_bytes()


LITERT = Format(name="litert", suffix=".tflite", write=litert_from_module, needs=("litert_torch",))
