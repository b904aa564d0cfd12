"""LiteRT's flatbuffer, which was TensorFlow Lite's; metadata in a zip archive after it. Batch 1."""

import tempfile
from pathlib import Path

import torch
from torch import nn

from mnistx_export.formats.base import Conversion, Format, fix_pools
from mnistx_runtime.artifact.container import Files
from mnistx_runtime.artifact.metadata import INPUT, OUTPUT
from mnistx_runtime.system.quiet import quiet


class Named(nn.Module):
    """The module with named input and output, which the file keeps."""

    def __init__(self, layers: nn.Module) -> None:
        """Keep the module to deploy."""
        super().__init__()
        self.layers = layers

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        """Log-probabilities `(N, classes)` of uint8 images `(N, channels, height, width)`, by name."""
        return {OUTPUT: self.layers(image)}


def litert_from_module(conversion: Conversion) -> Files:
    """One file."""
    with tempfile.TemporaryDirectory() as folder, quiet():
        import litert_torch

        path = Path(folder) / "model.tflite"
        program = torch.export.export(conversion.deployed.eval(), (conversion.example(1),))
        named = Named(fix_pools(program).module(check_guards=False))
        litert_torch.convert(named, sample_kwargs={INPUT: conversion.example(1)}).export(str(path))
        return {".tflite": path.read_bytes()}


LITERT = Format(name="litert", suffix=".tflite", write=litert_from_module, needs=("litert_torch",))
