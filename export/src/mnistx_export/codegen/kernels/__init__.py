"""Kernels beside the operators' plain ones, by what the code is for: one table, and one file a kernel."""

from collections.abc import Callable

from mnistx_export.codegen.kernels.depthwise_vectors import depthwise_vectors
from mnistx_export.codegen.kernels.direct_vectors import direct_vectors
from mnistx_export.codegen.kernels.linear_vectors import linear_vectors
from mnistx_export.codegen.kernels.winograd import winograd
from mnistx_export.codegen.network import Kernel, Layer

KERNELS: dict[str, tuple[Callable[[Layer], Kernel | None], ...]] = {
    "portable": (),
    "speed": (winograd, direct_vectors, depthwise_vectors, linear_vectors),
    "size": (),
}
"""Of each target, what is tried in turn before the operator's own kernel; None where it doesn't fit the layer."""


def choose_kernel(layer: Layer, target: str) -> Kernel:
    """The kernel of a layer for a target, see `KERNELS`."""
    for each in KERNELS[target]:
        kernel = each(layer)
        if kernel is not None:
            return kernel
    return layer.operator.kernel(layer)
