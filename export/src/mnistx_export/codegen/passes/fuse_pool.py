"""A convolution writes only the largest number of each square, where a max pool behind it asks for no other."""

from dataclasses import replace

from mnistx_export.codegen.network import Layer, Network
from mnistx_export.codegen.operators.convolution import Convolution
from mnistx_export.codegen.operators.pool import Pool
from mnistx_export.codegen.passes.pairs import fuse_pairs


def fuse_pool(network: Network) -> Network:
    """See the file."""
    return fuse_pairs(network, _fuse)


def _fuse(first: Layer, second: Layer) -> Layer | None:
    convolution, pool = first.operator, second.operator
    if not isinstance(convolution, Convolution) or not isinstance(pool, Pool):
        return None
    if convolution.pool > 1 or pool.average:
        return None
    side = pool.kernel_size[0]
    covered = (second.output.shape[0] * side, second.output.shape[1] * side)
    fits = covered[0] <= first.output.shape[0] and covered[1] <= first.output.shape[1]
    plain = pool.pads == (0, 0) and pool.kernel_size == pool.stride == (side, side)
    same = first.output.quantization == second.output.quantization
    if not (plain and fits and same and side > 1):
        return None
    return replace(first, operator=replace(convolution, pool=side), output=second.output)
