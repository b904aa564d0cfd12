"""What is made simpler before C is written: one file a pass, each from network to network, in this order."""

from collections.abc import Callable

from mnistx_export.codegen.network import Network
from mnistx_export.codegen.passes.fuse_activation import fuse_activation
from mnistx_export.codegen.passes.fuse_flatten import fuse_flatten
from mnistx_export.codegen.passes.fuse_pool import fuse_pool
from mnistx_export.codegen.passes.fuse_quantize import fuse_quantize

PASSES: tuple[Callable[[Network], Network], ...] = (fuse_activation, fuse_quantize, fuse_flatten, fuse_pool)


def simplify(network: Network) -> Network:
    """The same network in fewer layers."""
    for each in PASSES:
        network = each(network)
    return network
