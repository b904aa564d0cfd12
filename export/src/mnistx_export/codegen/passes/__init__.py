"""What is made simpler before C is written: one file a pass, each from network to network, in this order."""

from collections.abc import Callable

from mnistx_export.codegen.network import Network
from mnistx_export.codegen.passes.fuse_activation import fuse_activation
from mnistx_export.codegen.passes.fuse_flatten import fuse_flatten
from mnistx_export.codegen.passes.fuse_pool import fuse_pool
from mnistx_export.codegen.passes.fuse_quantize import fuse_quantize
from mnistx_export.codegen.passes.fuse_rows import fuse_rows

PASSES: tuple[Callable[[Network], Network], ...] = (fuse_activation, fuse_quantize, fuse_flatten, fuse_pool)

TARGET_PASSES: dict[str, tuple[Callable[[Network], Network], ...]] = {"size": (fuse_rows,)}
"""After those, by what the code is for."""


def simplify(network: Network, target: str = "portable") -> Network:
    """The same network in fewer layers, for a target of `KERNELS`."""
    for each in (*PASSES, *TARGET_PASSES.get(target, ())):
        network = each(network)
    return network
