"""ExecuTorch's program, its arithmetic handed to XNNPACK; metadata in a zip archive after it.

Its batch is free up to a bound; of modules whose batch its lowering fixes, as of a channel shuffle, it is 1.
"""

from typing import Any

import torch

from mnistx_export.formats.base import Conversion, Format, fix_pools
from mnistx_runtime.artifact.container import Files
from mnistx_runtime.backends import chunk_of
from mnistx_runtime.system.quiet import quiet

MAX_BATCH = 16


def executorch_from_module(conversion: Conversion) -> Files:
    """One file. Its memory is planned for the largest batch."""
    with quiet():
        lowered = _lower(conversion.program(max(2, chunk_of(conversion.example(2).shape[1:], MAX_BATCH))))
        if not _is_free(lowered):
            lowered = _lower(torch.export.export(conversion.deployed, (conversion.example(1),)))
        return {".pte": bytes(lowered.to_executorch().buffer)}


def _lower(program: torch.export.ExportedProgram) -> Any:
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import to_edge_transform_and_lower

    return to_edge_transform_and_lower(fix_pools(program), partitioner=[XnnpackPartitioner()])


def _is_free(lowered: Any) -> bool:
    """Whether the batch is still free: lowering may fix it at the example's, without a word."""
    ranges = lowered.exported_program().range_constraints.values()
    return any(each.lower < each.upper for each in ranges)


EXECUTORCH = Format(name="executorch", suffix=".pte", write=executorch_from_module, needs=("executorch",))
