"""Core ML's package, in float32, for Apple's systems; nothing else runs it, so here it is unverified.

Its metadata lies in a JSON beside it.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mnistx_export.formats.base import Conversion, Format, fix_pools, traceable
from mnistx_runtime.artifact.container import Files
from mnistx_runtime.artifact.metadata import INPUT, OUTPUT
from mnistx_runtime.errors import BadInput
from mnistx_runtime.system.quiet import quiet

MAX_BATCH = 1024
PARTS = {"model": "com.apple.CoreML/model.mlmodel", "weights": "com.apple.CoreML/weights"}
MANIFEST = {
    "fileFormatVersion": "1.0.0",
    "itemInfoEntries": {
        name: {"author": "com.apple.CoreML", "description": name, "name": path.rpartition("/")[2], "path": path}
        for name, path in PARTS.items()
    },
    "rootModelIdentifier": "model",
}


def coreml_from_module(conversion: Conversion) -> Files:
    """The files of one .mlpackage folder. Core ML knows no uint8 arrays: the image is int32, 0..255."""
    with quiet():
        import coremltools

        traced = torch.jit.trace(_exported(conversion), (conversion.example(1),), check_trace=False)  # type: ignore[no-untyped-call]
        shape = coremltools.Shape((coremltools.RangeDim(1, MAX_BATCH, default=1), *conversion.spec.shape))
        model = coremltools.convert(
            traced,
            inputs=[coremltools.TensorType(name=INPUT, shape=shape, dtype=np.int32)],
            outputs=[coremltools.TensorType(name=OUTPUT)],
            convert_to="mlprogram",
            minimum_deployment_target=coremltools.target.iOS16,
            compute_precision=coremltools.precision.FLOAT32,
            skip_model_load=True,
        )
        description = model.get_spec()
        if not _is_free(description):
            raise BadInput("Core ML's converter fixes this module's batch at one image")
        description.description.metadata.userDefined.clear()  # the date of the conversion
        folder = ".mlpackage/Data/com.apple.CoreML"
        return {
            ".mlpackage/Manifest.json": json.dumps(MANIFEST, indent=1, sort_keys=True).encode(),
            f"{folder}/model.mlmodel": description.SerializeToString(deterministic=True),
            f"{folder}/weights/weight.bin": (Path(model.weights_dir) / "weight.bin").read_bytes(),
        }


def _is_free(description: Any) -> bool:
    """Whether the batch is still free at the end: the input says so anyway."""
    (block,) = description.mlProgram.functions["main"].block_specializations.values()
    return bool(block.operations[-1].outputs[0].type.tensorType.dimensions[0].WhichOneof("dimension") == "unknown")


def _exported(conversion: Conversion) -> torch.nn.Module:
    """The module as coremltools can read it.

    All sizes but the batch are constants, as it takes no number from a size that is computed. And log-softmax is
    written out: it would become softmax and log, which isn't finite for very small probabilities.
    """
    module = traceable(fix_pools(conversion.program(MAX_BATCH)))
    graph = module.graph
    aten = torch.ops.aten
    for node in graph.find_nodes(op="call_function", target=aten.log_softmax.int):
        logits, dimension = node.args[:2]
        with graph.inserting_before(node):
            largest = graph.call_function(aten.amax.default, (logits, [dimension], True))
            shifted = graph.call_function(aten.sub.Tensor, (logits, largest))
            exponentials = graph.call_function(aten.exp.default, (shifted,))
            total = graph.call_function(aten.sum.dim_IntList, (exponentials, [dimension], True))
            logarithm = graph.call_function(aten.log.default, (total,))
            node.replace_all_uses_with(graph.call_function(aten.sub.Tensor, (shifted, logarithm)))
        graph.erase_node(node)
    module.recompile()
    return module


COREML = Format(
    name="coreml",
    suffix=".mlpackage",
    write=coreml_from_module,
    needs=("coremltools",),
    folder=True,
    unverified="only Apple's systems run Core ML",
)
