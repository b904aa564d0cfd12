"""ncnn: float pixels in, logits out (log-softmax is finished by the runtime), metadata in a JSON beside. Batch 1."""

import tempfile
from pathlib import Path

import torch
from torch import nn

from mnistx_export.formats.base import Conversion, Format
from mnistx_runtime.artifact.container import Files
from mnistx_runtime.quiet import quiet
from mnistx_train.inference import DeployedModule


def ncnn_from_module(conversion: Conversion) -> Files:
    """The graph and its weights."""
    pixels = conversion.example(1).to(torch.float32)
    with tempfile.TemporaryDirectory() as folder, quiet():
        import pnnx

        pnnx.export(_logits_module(conversion, pixels), str(Path(folder) / "m.pt"), pixels, fp16=False)
        graph, weights = ((Path(folder) / f"m.ncnn.{ending}").read_bytes() for ending in ("param", "bin"))
    return {".ncnn.param": graph, ".ncnn.bin": weights}


def _logits_module(conversion: Conversion, pixels: torch.Tensor) -> nn.Module:
    """The module to deploy from float pixels on, ncnn knows no uint8, and without the log-softmax that it ends with."""
    deployed = conversion.deployed
    module = DeployedModule(deployed.module, conversion.spec, deployed.output, cast=False).eval()
    program = torch.export.export(module, (pixels,)).module()
    graph: torch.fx.Graph = program.graph
    (output,) = (node for node in graph.nodes if node.op == "output")
    (last,) = output.all_input_nodes
    if last.target == torch.ops.aten.log_softmax.int:
        last.replace_all_uses_with(last.all_input_nodes[0])
    graph.eliminate_dead_code()
    return torch.fx.GraphModule(program, graph).eval()


NCNN = Format(name="ncnn", suffix=".ncnn.param", write=ncnn_from_module, needs=("pnnx",))
