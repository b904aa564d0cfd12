"""ExecuTorch's program, its arithmetic handed to XNNPACK; metadata in a zip archive after it."""

import torch

from mnistx_export.formats.base import Conversion, Format
from mnistx_runtime.artifact.container import Files
from mnistx_runtime.backends import chunk_of
from mnistx_runtime.quiet import quiet

MAX_BATCH = 16


def executorch_from_module(conversion: Conversion) -> Files:
    """One file. Its memory is planned for the largest batch."""
    with quiet():
        from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
        from executorch.exir import to_edge_transform_and_lower

        example = conversion.example(2)
        batch = torch.export.Dim("batch", min=1, max=max(2, chunk_of(example.numpy(), MAX_BATCH)))
        program = torch.export.export(conversion.deployed, (example,), dynamic_shapes=({0: batch},))
        lowered = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()])
        return {".pte": bytes(lowered.to_executorch().buffer)}


EXECUTORCH = Format(name="executorch", suffix=".pte", write=executorch_from_module, needs=("executorch",))
