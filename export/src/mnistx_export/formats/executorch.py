"""ExecuTorch's program, its arithmetic handed to XNNPACK; metadata in a zip archive after it."""

import torch
from torch import nn

from mnistx_export.deployed import example
from mnistx_export.formats import Files, Format, Options
from mnistx_runtime.artifact.seal import appended
from mnistx_runtime.quiet import quiet


def executorch_from_module(module: nn.Module, props: dict[str, str], options: Options) -> Files:  # noqa: ARG001
    """One file. Its memory is planned for the largest batch.

    Args:
        module: from uint8 `(N, 1, 28, 28)` to `(N, classes)`.
        props: what goes into the archive.
        options: none apply.
    """
    with quiet():
        from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
        from executorch.exir import to_edge_transform_and_lower

        batch = torch.export.Dim("batch", min=1, max=16)
        program = torch.export.export(module, (example(2),), dynamic_shapes=({0: batch},))
        lowered = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()])
        return {".pte": appended(bytes(lowered.to_executorch().buffer), props)}


EXECUTORCH = Format(name="executorch", suffix=".pte", write=executorch_from_module, needs=("executorch",))
