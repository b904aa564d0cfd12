"""ncnn: float pixels in, logits out (log-softmax is finished by the runtime), metadata in a JSON beside. Batch 1."""

import copy
import tempfile
from contextlib import suppress
from pathlib import Path

import torch
from torch import nn

from mnistx_export.formats.base import Conversion, Format
from mnistx_runtime.artifact.container import Files
from mnistx_runtime.errors import BadInput
from mnistx_runtime.system.quiet import quiet
from mnistx_train.evaluation.inference import LOG_PROBABILITIES, LOGITS, DeployedModule


def ncnn_from_module(conversion: Conversion) -> Files:
    """The graph and its weights.

    Raises:
        BadInput: an operator is left that ncnn doesn't have; it would refuse to load it.
    """
    pixels = conversion.example(1).to(torch.float32)
    with tempfile.TemporaryDirectory() as folder, quiet():
        import pnnx

        with suppress(SyntaxError):  # of the Python module that it writes too, and loads
            path = str(Path(folder) / "m.pt")
            pnnx.export(_logits_module(conversion, pixels), path, pixels, check_trace=False, fp16=False)
        graph, weights = ((Path(folder) / f"m.ncnn.{ending}").read_bytes() for ending in ("param", "bin"))
    unknown = [kind for kind in layer_types(graph) if "." in kind or ":" in kind]
    if unknown:
        raise BadInput(f"format ncnn can't carry this module: ncnn has no {', '.join(dict.fromkeys(unknown))}")
    return {".ncnn.param": graph, ".ncnn.bin": weights}


def layer_types(graph: bytes) -> list[str]:
    """The kinds of layers in a .param file, in their order; what pnnx couldn't translate keeps PyTorch's name.

    >>> layer_types(b"7767517\\n2 2\\nInput in0 0 1 in0\\ntorch.var var_0 1 1 in0 out0\\n")
    ['Input', 'torch.var']
    """
    return [line.split()[0] for line in graph.decode().splitlines()[2:] if line.strip()]


def _logits_module(conversion: Conversion, pixels: torch.Tensor) -> nn.Module:
    """The module to deploy from float pixels on, ncnn knows no uint8, and without the log-softmax that it ends with.

    A module that gives logits stays whole: pnnx knows attention and recurrent layers by their modules. It is exported
    all the same, as that refuses what tracing gets wrong without a word: branches that depend on the pixels.
    """
    deployed = conversion.deployed
    output = LOG_PROBABILITIES if deployed.output == LOGITS else deployed.output
    module = DeployedModule(deployed.module, conversion.spec, output, cast=False).eval()
    module.normalize = copy.copy(deployed.normalize)
    module.normalize.cast = False
    program = torch.export.export(module, (pixels,)).module()
    if deployed.output == LOGITS:
        return module
    graph = program.graph
    (output_node,) = (node for node in graph.nodes if node.op == "output")
    (last,) = output_node.all_input_nodes
    if last.target == torch.ops.aten.log_softmax.int:
        last.replace_all_uses_with(last.all_input_nodes[0])
    graph.eliminate_dead_code()
    return torch.fx.GraphModule(program, graph).eval()


NCNN = Format(name="ncnn", suffix=".ncnn.param", write=ncnn_from_module, needs=("pnnx",))
