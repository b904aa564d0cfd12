"""Sums of bytes become the next layer's bytes at once, where they would have been real numbers in between."""

from dataclasses import replace

from mnistx_export.codegen.network import Layer, Network
from mnistx_export.codegen.operators.convolution import Convolution
from mnistx_export.codegen.operators.linear import Linear
from mnistx_export.codegen.operators.quantize import Quantize
from mnistx_export.codegen.passes.pairs import fuse_pairs


def fuse_quantize(network: Network) -> Network:
    """See the file."""
    return fuse_pairs(network, _fuse)


def _fuse(first: Layer, second: Layer) -> Layer | None:
    operator = first.operator
    if not isinstance(second.operator, Quantize) or not isinstance(operator, Convolution | Linear):
        return None
    return replace(first, output=second.output) if operator.scale is not None else None
