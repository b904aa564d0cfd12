"""ncnn: float pixels in, logits out (log-softmax is finished by the runtime), metadata in a JSON beside. Batch 1."""

import tempfile
from collections import OrderedDict
from pathlib import Path

import torch
from torch import Tensor, nn

from mnistx_export.deployed import example
from mnistx_export.formats import Files, Format, Options
from mnistx_runtime.artifact.seal import beside
from mnistx_runtime.quiet import quiet
from mnistx_train.network import Normalize


class FloatPixels(nn.Module):
    """The normalization without its cast: ncnn knows no uint8."""

    def __init__(self, normalize: Normalize) -> None:
        """Keep the two numbers."""
        super().__init__()
        self.mean, self.std = normalize.mean, normalize.std

    def forward(self, pixels: Tensor) -> Tensor:
        """Normalized images of float32 images, 0..255."""
        return (pixels / 255 - self.mean) / self.std


def ncnn_from_module(module: nn.Module, props: dict[str, str], options: Options) -> Files:  # noqa: ARG001
    """The graph, its weights, and the JSON.

    Args:
        module: from uint8 `(N, 1, 28, 28)` to `(N, classes)`, as `deployed_module` makes it.
        props: what goes into the JSON.
        options: none apply.
    """
    normalize, *layers, last = module.children()
    assert isinstance(normalize, Normalize) and isinstance(last, nn.LogSoftmax)
    named = {f"layer{number}": layer for number, layer in enumerate([FloatPixels(normalize), *layers])}
    logits = nn.Sequential(OrderedDict(named)).eval()  # pnnx writes Python, in which a name can't be a number
    with tempfile.TemporaryDirectory() as folder, quiet():
        import pnnx

        pnnx.export(logits, str(Path(folder) / "m.pt"), example(1).to(torch.float32), fp16=False)
        graph, weights = ((Path(folder) / f"m.ncnn.{ending}").read_bytes() for ending in ("param", "bin"))
    return {".ncnn.param": graph, ".ncnn.bin": weights, ".ncnn.json": beside([graph, weights], props)}


NCNN = Format(name="ncnn", suffix=".ncnn.param", write=ncnn_from_module, needs=("pnnx",))
